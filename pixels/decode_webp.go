package pixels

import (
	"bytes"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// decodeWebP decodes a still picture. The lossy format (RFC 6386) codes luma 16..235 and chroma at half the resolution;
// Go's own conversion to RGB takes luma as 0..255 and repeats chroma, so we convert as libwebp does, which Pillow uses.
func decodeWebP(data []byte) (*Image, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		if animated(data) {
			return nil, fmt.Errorf("%w: an animation", ErrUnsupported)
		}
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromVP8(m), nil
	case *image.NYCbCrA:
		return fromVP8(&m.YCbCr), nil
	}
	return fromGo(m)
}

// animated tells by the flags of the extended header, the first chunk, whether a WebP file holds frames in time.
func animated(data []byte) bool {
	const chunkAt, flagsAt, animation = 12, 20, 0x02
	return len(data) > flagsAt && string(data[chunkAt:chunkAt+4]) == "VP8X" && data[flagsAt]&animation != 0
}

// fromVP8 upsamples chroma by the (9, 3, 3, 1)/16 filter of libwebp's "fancy" upsampler, with its rounding, and
// converts to RGB with its fixed-point constants.
func fromVP8(m *image.YCbCr) *Image {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	out := New(w, h)
	cw, ch := (w+1)/2, (h+1)/2
	u := make([]uint8, w)
	v := make([]uint8, w)
	for y := range h {
		// Of the two chroma rows around a luma row, near is the one that it belongs to.
		near := y / 2
		far := near - 1
		if y%2 == 1 {
			far = near + 1
		}
		far = min(max(far, 0), ch-1)
		upsample(u, m.Cb[near*m.CStride:near*m.CStride+cw], m.Cb[far*m.CStride:far*m.CStride+cw])
		upsample(v, m.Cr[near*m.CStride:near*m.CStride+cw], m.Cr[far*m.CStride:far*m.CStride+cw])
		row := m.Y[y*m.YStride:]
		o := out.Pix[3*y*w:]
		for x := range w {
			o[3*x], o[3*x+1], o[3*x+2] = vp8RGB(int(row[x]), int(u[x]), int(v[x]))
		}
	}
	return out
}

// upsample makes a row of chroma samples from the nearer and the farther row at half the width.
func upsample(dst, near, far []uint8) {
	last := len(near) - 1
	for x := range dst {
		// Of the two columns around, i is the one that the sample belongs to.
		i := x / 2
		j := i - 1
		if x%2 == 1 {
			j = i + 1
		}
		if j < 0 || j > last {
			dst[x] = uint8((3*int(near[i]) + int(far[i]) + 2) >> 2)
			continue
		}
		a, b, c, d := int(near[i]), int(near[j]), int(far[i]), int(far[j])
		// libwebp takes the mean of the near diagonal first, rounded down, then the mean with the sample.
		diag := (a + b + c + d + 8 + 2*(b+c)) >> 3
		dst[x] = uint8((diag + a) >> 1)
	}
}

// vp8RGB converts by ITU-R BT.601 with limited range, in libwebp's fixed point of 6 bits behind an 8-bit product.
func vp8RGB(y, u, v int) (r, g, b uint8) {
	hi := func(v, k int) int { return v * k >> 8 }
	yy := hi(y, 19077)
	return clip6(yy + hi(v, 26149) - 14234), clip6(yy - hi(u, 6419) - hi(v, 13320) + 8708), clip6(yy + hi(u, 33050) - 17685)
}

func clip6(v int) uint8 {
	return uint8(min(max(v, 0)>>6, 255))
}
