package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/tensor"
)

// Named is a tensor to be written.
type Named struct {
	Name  string
	Shape []int
	DType DType // F16 or BF16 narrow a []float32; empty: as Data says
	Data  any   // []float32 (F32), []int64 (I64), []int32 (I32) or []uint8 (U8), row-major
}

// WriteSafetensors writes tensors and metadata as a safetensors file. The file appears whole, synced to the disk, or
// not at all, and equal tensors and metadata give equal bytes whatever their order in the list.
func WriteSafetensors(path string, tensors []Named, metadata map[string]string) error {
	header, sorted, err := layOut(tensors, metadata)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(header); err != nil {
		return err
	}
	for _, t := range sorted {
		if err := writeData(f, t); err != nil {
			return err
		}
	}
	return f.Commit()
}

// layOut checks the tensors and builds the length word and the header. Wide types come first, so that every tensor's
// first byte is a multiple of its element's size.
func layOut(tensors []Named, metadata map[string]string) ([]byte, []Named, error) {
	sorted := slices.Clone(tensors)
	for i := range sorted {
		t := &sorted[i]
		n, own := lengthOf(t.Data)
		if t.DType == "" {
			t.DType = own
		}
		narrowed := own == F32 && (t.DType == F16 || t.DType == BF16)
		if own == "" || t.DType != own && !narrowed {
			return nil, nil, fmt.Errorf("tensor %s: %T cannot be stored as %q", t.Name, t.Data, t.DType)
		}
		if count, ok := elements(t.Shape); !ok || count != int64(n) {
			return nil, nil, fmt.Errorf("tensor %s: shape %v, but %d values", t.Name, t.Shape, n)
		}
		if t.Name == "" || t.Name == "__metadata__" {
			return nil, nil, fmt.Errorf("tensor name %q", t.Name)
		}
	}
	slices.SortFunc(sorted, func(a, b Named) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	var js bytes.Buffer
	js.WriteByte('{')
	if len(metadata) > 0 {
		m, err := json.Marshal(metadata) // sorts the keys
		if err != nil {
			return nil, nil, err
		}
		fmt.Fprintf(&js, `"__metadata__":%s`, m)
	}
	at := int64(0)
	seen := map[string]bool{}
	for _, t := range sorted {
		if seen[t.Name] {
			return nil, nil, fmt.Errorf("tensor %s stands in the list twice", t.Name)
		}
		seen[t.Name] = true
		n, _ := lengthOf(t.Data)
		size := int64(n) * int64(t.DType.Size())
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, nil, err
		}
		h, err := json.Marshal(safeHeader{t.DType, append([]int{}, t.Shape...), []int64{at, at + size}})
		if err != nil {
			return nil, nil, err
		}
		if js.Len() > 1 {
			js.WriteByte(',')
		}
		fmt.Fprintf(&js, "%s:%s", name, h)
		at += size
	}
	js.WriteByte('}')
	for js.Len()%8 != 0 {
		js.WriteByte(' ')
	}
	if js.Len() > maxHeader {
		return nil, nil, fmt.Errorf("header of %d bytes is above the format's limit", js.Len())
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(js.Len())), js.Bytes()...), sorted, nil
}

func lengthOf(data any) (int, DType) {
	switch d := data.(type) {
	case []float32:
		return len(d), F32
	case []int64:
		return len(d), I64
	case []int32:
		return len(d), I32
	case []uint8:
		return len(d), U8
	}
	return 0, ""
}

func writeData(w io.Writer, t Named) error {
	le := binary.LittleEndian
	buf := make([]byte, 0, 1<<16)
	flush := func(limit int) error {
		if len(buf) <= limit {
			return nil
		}
		_, err := w.Write(buf)
		buf = buf[:0]
		return err
	}
	const full = 1<<16 - 8
	switch d := t.Data.(type) {
	case []float32:
		for _, v := range d {
			switch t.DType {
			case F16:
				buf = le.AppendUint16(buf, tensor.ToF16(v))
			case BF16:
				buf = le.AppendUint16(buf, tensor.ToBF16(v))
			default:
				buf = le.AppendUint32(buf, math.Float32bits(v))
			}
			if err := flush(full); err != nil {
				return err
			}
		}
	case []int64:
		for _, v := range d {
			buf = le.AppendUint64(buf, uint64(v))
			if err := flush(full); err != nil {
				return err
			}
		}
	case []int32:
		for _, v := range d {
			buf = le.AppendUint32(buf, uint32(v))
			if err := flush(full); err != nil {
				return err
			}
		}
	case []uint8:
		_, err := w.Write(d)
		return err
	}
	return flush(0)
}
