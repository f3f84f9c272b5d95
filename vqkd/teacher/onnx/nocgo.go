//go:build !cgo

package onnx

import (
	"errors"

	"github.com/imglish/imglish/pixels"
)

// Teacher is there in builds with cgo only.
type Teacher struct{}

var errNone = errors.New("onnx teacher: this build cannot load ONNX Runtime; build with CGO_ENABLED=1")

// Open says that this build has no ONNX teacher.
func Open(library string, c Config, side, grid int) (*Teacher, error) { return nil, errNone }

func (t *Teacher) Dim() int                                        { return 0 }
func (t *Teacher) Targets(dst []float32, view *pixels.Image) error { return errNone }
func (t *Teacher) Record() any                                     { return nil }
func (t *Teacher) Close() error                                    { return nil }
