package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
)

func decodePNG(data []byte) (*Image, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// Behind signature and IHDR's length and name: width, height, depth, colour type.
	const depthAt, colourTypeAt, grey = 24, 25, 0
	if n, ok := m.(*image.NRGBA64); ok && data[depthAt] == 16 && data[colourTypeAt] == grey {
		out := New(m.Bounds().Dx(), m.Bounds().Dy()) // 16-bit grey with a transparent value
		eachRow(out, n.Pix, n.Stride, 8, grey16)
		return out, nil
	}
	return fromGo(m)
}

// grey16 caps a big-endian 16-bit grey value, as Pillow does with its mode I;16.
func grey16(o, in []uint8) {
	v := in[1]
	if in[0] > 0 {
		v = 255
	}
	o[0], o[1], o[2] = v, v, v
}

// notEnough are what Go's PNG and GIF decoders say of pictures without all their pixels, for which they have no sentinel.
var notEnough = []string{"unexpected EOF", "not enough pixel data", "not enough image data"}

// classify makes the errors of the Go decoders wrap one of this package's.
func classify(err error) error {
	for _, known := range []error{ErrNotImage, ErrUnsupported, ErrTooManyPixels, ErrTruncated, ErrCorrupt} {
		if errors.Is(err, known) {
			return err
		}
	}
	ended := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	for _, s := range notEnough {
		ended = ended || strings.Contains(err.Error(), s)
	}
	if ended {
		return fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	var unsupported png.UnsupportedError
	if errors.As(err, &unsupported) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// fromGo copies what Go's PNG and WebP decoders return, by the rules of Pillow's convert("RGB"): alpha is dropped,
// colours below it are kept as they are; of 16-bit colours the high byte is kept, while 16-bit grey is capped at 255.
func fromGo(m image.Image) (*Image, error) {
	b := m.Bounds()
	out := New(b.Dx(), b.Dy())
	switch m := m.(type) {
	case *image.Gray:
		eachRow(out, m.Pix, m.Stride, 1, func(o, in []uint8) { o[0], o[1], o[2] = in[0], in[0], in[0] })
	case *image.Gray16:
		eachRow(out, m.Pix, m.Stride, 2, grey16)
	case *image.RGBA: // opaque here, so not premultiplied
		eachRow(out, m.Pix, m.Stride, 4, func(o, in []uint8) { o[0], o[1], o[2] = in[0], in[1], in[2] })
	case *image.NRGBA:
		eachRow(out, m.Pix, m.Stride, 4, func(o, in []uint8) { o[0], o[1], o[2] = in[0], in[1], in[2] })
	case *image.RGBA64:
		eachRow(out, m.Pix, m.Stride, 8, func(o, in []uint8) { o[0], o[1], o[2] = in[0], in[2], in[4] })
	case *image.NRGBA64:
		eachRow(out, m.Pix, m.Stride, 8, func(o, in []uint8) { o[0], o[1], o[2] = in[0], in[2], in[4] })
	case *image.Paletted:
		table := paletteRGB(m.Palette)
		eachRow(out, m.Pix, m.Stride, 1, func(o, in []uint8) {
			c := &table[in[0]]
			o[0], o[1], o[2] = c[0], c[1], c[2]
		})
	default:
		return nil, fmt.Errorf("%w: pixels of type %T", ErrUnsupported, m)
	}
	return out, nil
}

// eachRow calls f for each pixel: o are the 3 bytes to fill, in the size bytes of the source.
func eachRow(out *Image, pix []uint8, stride, size int, f func(o, in []uint8)) {
	for y := range out.H {
		row := pix[y*stride:]
		o := out.Pix[3*y*out.W : 3*(y+1)*out.W]
		for x := range out.W {
			f(o[3*x:3*x+3:3*x+3], row[size*x:size*x+size:size*x+size])
		}
	}
}

// paletteRGB takes the colours of a palette without their alpha.
func paletteRGB(p color.Palette) (table [256][3]uint8) {
	for i, c := range p {
		if i == len(table) {
			break
		}
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	return table
}
