//go:build cgo

package vips

// #cgo pkg-config: vips
// #include <vips/vips.h>
//
// static void imglish_vips_trusted_only(void) {
// #if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 13
// 	vips_block_untrusted_set(TRUE);
// #endif
// }
import "C"

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"sync"

	"github.com/h2non/bimg"

	"github.com/imglish/imglish/pixels"
)

// Version is the version of libvips.
func Version() string { return bimg.VipsVersion }

// trustedOnly needs a started libvips, and bimg starts it when it is imported.
var trustedOnly = sync.OnceFunc(func() { C.imglish_vips_trusted_only() })

// check lets only known formats of an accepted size through.
func check(data []byte) (pixels.Info, error) {
	trustedOnly()
	info, err := pixels.Probe(data)
	if err != nil {
		return info, err
	}
	return info, pixels.DefaultLimits().Check(info.W, info.H)
}

// Thumbnail makes a small JPEG for people to look at: upright, at most side pixels wide and high, without metadata.
func Thumbnail(data []byte, side int) ([]byte, error) {
	if side < 1 || side > 4096 {
		return nil, fmt.Errorf("thumbnail: side %d is not in 1..4096", side)
	}
	info, err := check(data)
	if err != nil {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	w, h := info.W, info.H
	if info.Orientation >= 5 {
		w, h = h, w
	}
	o := bimg.Options{Type: bimg.JPEG, Quality: 85, StripMetadata: true}
	if max(w, h) > side {
		if w >= h {
			o.Width, o.Height = side, max(1, (h*side+w/2)/w)
		} else {
			o.Width, o.Height = max(1, (w*side+h/2)/h), side
		}
		o.Force = true
	}
	out, err := bimg.Resize(data, o)
	if err != nil {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	return out, nil
}

// Upright returns the file turned as its EXIF orientation asks, as a PNG without metadata, so that nothing is lost.
func Upright(data []byte) ([]byte, error) {
	if _, err := check(data); err != nil {
		return nil, fmt.Errorf("turn upright: %w", err)
	}
	out, err := bimg.Resize(data, bimg.Options{Type: bimg.PNG, StripMetadata: true})
	if err != nil {
		return nil, fmt.Errorf("turn upright: %w", err)
	}
	return out, nil
}

// EncodeWebP encodes a picture as lossless WebP without metadata.
func EncodeWebP(im *pixels.Image) ([]byte, error) {
	trustedOnly()
	// bimg takes encoded files only: give it a PNG that is not compressed.
	m := image.NewNRGBA(image.Rect(0, 0, im.W, im.H))
	for i, p := 0, im.Pix; len(p) > 0; i, p = i+4, p[3:] {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = p[0], p[1], p[2], 255
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, m); err != nil {
		return nil, fmt.Errorf("encode webp: %w", err)
	}
	out, err := bimg.Resize(b.Bytes(), bimg.Options{Type: bimg.WEBP, Lossless: true, StripMetadata: true})
	if err != nil {
		return nil, fmt.Errorf("encode webp: %w", err)
	}
	return out, nil
}
