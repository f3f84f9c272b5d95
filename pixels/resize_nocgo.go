//go:build !cgo

package pixels

func resizeRows(in *Image, top, bottom int, t taps) *Image { return rowsGo(in, top, bottom, t) }

func resizeColumns(in *Image, t taps) *Image { return columnsGo(in, t) }
