//go:build !cgo

package pixels

import "fmt"

// Another JPEG decoder gives other pixels, and those give other codes, so a build without cgo refuses.

func decodeJPEG([]byte, int, int) (*Image, error) {
	return nil, fmt.Errorf("%w: this build has no libjpeg-turbo; build with CGO_ENABLED=1", ErrUnsupported)
}

// EncodeJPEG needs libjpeg-turbo, which this build does not have.
func EncodeJPEG(*Image, int, bool) ([]byte, error) {
	return nil, fmt.Errorf("encode jpeg: %w: this build has no libjpeg-turbo; build with CGO_ENABLED=1", ErrUnsupported)
}

// JPEGVersion is empty: there is no JPEG library in this build.
func JPEGVersion() string { return "" }
