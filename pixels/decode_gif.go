package pixels

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"io"
)

// gifHeader is what the file says up to its first picture. Go's decoder makes the transparent colour black; Pillow keeps
// the colour that the table has there, so we read the table ourselves.
type gifHeader struct {
	w, h        int // of the screen
	table       [256][3]uint8
	transparent int // index, or -1
}

// readGIFHeader reads the screen and the blocks up to the first image descriptor (GIF89a specification).
func readGIFHeader(data []byte) (gifHeader, error) {
	h := gifHeader{transparent: -1}
	r := bytes.NewReader(data)
	var b [13]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return h, err
	}
	h.w, h.h = int(b[6])|int(b[7])<<8, int(b[8])|int(b[9])<<8
	if err := readGIFTable(r, b[10], &h.table); err != nil {
		return h, err
	}
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return h, err
		}
		switch kind {
		case 0x2c: // image descriptor
			if _, err := io.ReadFull(r, b[:9]); err != nil {
				return h, err
			}
			return h, readGIFTable(r, b[8], &h.table)
		case 0x21: // extension
			label, err := r.ReadByte()
			if err != nil {
				return h, err
			}
			if err := readGIFExtension(r, label, &h); err != nil {
				return h, err
			}
		case 0x3b:
			return h, fmt.Errorf("%w: no picture in the file", ErrCorrupt)
		default:
			return h, fmt.Errorf("%w: block %#02x", ErrCorrupt, kind)
		}
	}
}

func readGIFTable(r io.Reader, flags byte, table *[256][3]uint8) error {
	if flags&0x80 == 0 {
		return nil
	}
	*table = [256][3]uint8{}
	for i := range 2 << (flags & 7) {
		if _, err := io.ReadFull(r, table[i][:]); err != nil {
			return err
		}
	}
	return nil
}

func readGIFExtension(r *bytes.Reader, label byte, h *gifHeader) error {
	for first := true; ; first = false {
		n, err := r.ReadByte()
		if err != nil || n == 0 {
			return err
		}
		var block [255]byte
		if _, err := io.ReadFull(r, block[:n]); err != nil {
			return err
		}
		const graphicControl = 0xf9
		if first && label == graphicControl && n >= 4 && block[0]&1 != 0 {
			h.transparent = int(block[3])
		}
	}
}

// decodeGIF gives the first frame on its screen. What the frame leaves open has the transparent colour, or colour 0.
func decodeGIF(data []byte) (*Image, error) {
	h, err := readGIFHeader(data)
	if err != nil {
		return nil, err
	}
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("%w: frame of type %T", ErrUnsupported, m)
	}
	out := New(h.w, h.h)
	ground := h.table[max(h.transparent, 0)]
	b := frame.Bounds()
	if b.Dx() < h.w || b.Dy() < h.h {
		for p := out.Pix; len(p) > 0; p = p[3:] {
			copy(p, ground[:])
		}
	}
	for y := b.Min.Y; y < min(b.Max.Y, h.h); y++ {
		row := frame.Pix[(y-b.Min.Y)*frame.Stride:]
		for x := b.Min.X; x < min(b.Max.X, h.w); x++ {
			c := h.table[row[x-b.Min.X]]
			out.Set(x, y, c[0], c[1], c[2])
		}
	}
	return out, nil
}
