package pixels

import (
	"bytes"
	"fmt"
	"image/png"

	"golang.org/x/image/webp"
)

// Formats as Info names them.
const (
	JPEG = "jpeg"
	PNG  = "png"
	GIF  = "gif"
	WebP = "webp"
)

// Info is what a file's header says.
type Info struct {
	Format      string // JPEG, PNG, GIF or WebP
	W, H        int    // pixels, before any turning
	Orientation int    // EXIF orientation 1..8 of a JPEG file; 1, upright, where there is none
}

// Limits bounds what Decode accepts.
type Limits struct {
	MaxPixels int64 // width × height; 0 means DefaultLimits().MaxPixels
}

// DefaultLimits allows 89,478,485 pixels, the size at which Pillow warns of a decompression bomb: 256 MiB as RGB.
func DefaultLimits() Limits { return Limits{MaxPixels: 1 << 28 / 3} }

// Check returns an error that wraps ErrTooManyPixels if a picture of this size is not accepted.
func (l Limits) Check(w, h int) error {
	m := l.MaxPixels
	if m == 0 {
		m = DefaultLimits().MaxPixels
	}
	if int64(w)*int64(h) > m {
		return fmt.Errorf("%w: %d×%d, limit %d", ErrTooManyPixels, w, h, m)
	}
	return nil
}

// Probe reads a file's header. It runs no C code and takes no memory in proportion to what the header claims. data may
// be the first part of a file, if the header lies in it.
func Probe(data []byte) (Info, error) {
	info := Info{Format: sniff(data), Orientation: 1}
	var err error
	switch info.Format {
	case JPEG:
		err = probeJPEG(data, &info)
	case PNG:
		c, e := png.DecodeConfig(bytes.NewReader(data))
		info.W, info.H, err = c.Width, c.Height, e
	case GIF:
		var h gifHeader
		h, err = readGIFHeader(data)
		info.W, info.H = h.w, h.h
	case WebP:
		c, e := webp.DecodeConfig(bytes.NewReader(data))
		info.W, info.H, err = c.Width, c.Height, e
	default:
		return Info{}, ErrNotImage
	}
	if err != nil {
		return info, fmt.Errorf("%s header: %w", info.Format, classify(err))
	}
	if info.W <= 0 || info.H <= 0 {
		return info, fmt.Errorf("%s header: %w: %d×%d pixels", info.Format, ErrCorrupt, info.W, info.H)
	}
	return info, nil
}

// Decode decodes a picture to RGB. Its size is checked before memory is taken for it. A picture whose data ends early
// is an error, not a picture with a grey rest.
func Decode(data []byte, lim Limits) (*Image, Info, error) {
	info, err := Probe(data)
	if err != nil {
		return nil, info, err
	}
	if err := lim.Check(info.W, info.H); err != nil {
		return nil, info, err
	}
	var im *Image
	switch info.Format {
	case JPEG:
		im, err = decodeJPEG(data, info.W, info.H)
	case PNG:
		im, err = decodePNG(data)
	case GIF:
		im, err = decodeGIF(data)
	case WebP:
		im, err = decodeWebP(data)
	}
	if err != nil {
		return nil, info, fmt.Errorf("%s: %w", info.Format, classify(err))
	}
	return im, info, nil
}

// sniff tells the format by the first bytes, never by a name or a server's word.
func sniff(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return JPEG
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return GIF
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return WebP
	}
	return ""
}
