package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
)

// A safetensors file: u64 little-endian length n of the header, n bytes of JSON (an object from tensor name to dtype,
// shape and data_offsets; "__metadata__" holds texts), then the data, without holes.

const maxHeader = 100_000_000 // the format's own limit on the header

func looksLikeSafetensors(head []byte, size int64) bool {
	if len(head) < 9 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n <= maxHeader && int64(n) <= size-8 && head[8] == '{'
}

type safeHeader struct {
	DType   DType   `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

func (f *File) readSafetensors() error {
	var word [8]byte
	if err := f.readAt(word[:], 0); err != nil {
		return damaged("header length: %v", err)
	}
	n := int64(binary.LittleEndian.Uint64(word[:]))
	raw := make([]byte, n)
	if err := f.readAt(raw, 8); err != nil {
		return damaged("header: %v", err)
	}
	start := 8 + n
	heads, err := f.parseHeader(raw)
	if err != nil {
		return err
	}
	var spans [][]int64
	for name, h := range heads {
		if len(h.Offsets) != 2 {
			return damaged("tensor %s: data_offsets %v", name, h.Offsets)
		}
		if h.Offsets[0] < 0 || h.Offsets[1] < h.Offsets[0] {
			return damaged("tensor %s: data_offsets %v", name, h.Offsets)
		}
		if h.Offsets[1] > f.size-start {
			return damaged("it is cut short: tensor %s ends at byte %d of the data, which has %d", name, h.Offsets[1], f.size-start)
		}
		count, ok := elements(h.Shape)
		if size := int64(h.DType.Size()); !ok || size > 0 && count*size != h.Offsets[1]-h.Offsets[0] {
			return damaged("tensor %s: shape %v of %s in %d bytes", name, h.Shape, h.DType, h.Offsets[1]-h.Offsets[0])
		}
		if h.Offsets[1] > h.Offsets[0] {
			spans = append(spans, h.Offsets)
		}
		f.tensors[name] = entry{dtype: h.DType, shape: h.Shape, at: start + h.Offsets[0]}
	}
	slices.SortFunc(spans, func(a, b []int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	end := int64(0)
	for _, s := range spans {
		if s[0] != end {
			return damaged("tensor data has a hole or an overlap at byte %d", min(s[0], end))
		}
		end = s[1]
	}
	if end != f.size-start {
		return damaged("the header describes %d bytes of data, the file has %d", end, f.size-start)
	}
	return nil
}

// parseHeader reads the JSON key by key, since a name that stands there twice must be noticed.
func (f *File) parseHeader(raw []byte) (map[string]safeHeader, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, damaged("header is not a JSON object")
	}
	heads := map[string]safeHeader{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, damaged("header: %v", err)
		}
		name, _ := t.(string)
		if name == "__metadata__" {
			if f.meta != nil {
				return nil, damaged("header has __metadata__ twice")
			}
			if err := d.Decode(&f.meta); err != nil {
				return nil, damaged("header __metadata__: %v", err)
			}
			continue
		}
		if _, twice := heads[name]; twice {
			return nil, damaged("header has tensor %s twice", name)
		}
		var h safeHeader
		if err := d.Decode(&h); err != nil {
			return nil, damaged("header of tensor %s: %v", name, err)
		}
		heads[name] = h
	}
	if _, err := d.Token(); err != nil {
		return nil, damaged("header: %v", err)
	}
	if rest, err := io.ReadAll(d.Buffered()); err == nil && len(bytes.TrimSpace(rest)) > 0 {
		return nil, damaged("header has text behind its end")
	}
	return heads, nil
}
