package vqkd

import (
	"testing"

	"github.com/imglish/imglish/pixels"
)

// needJPEG skips a test in builds without libjpeg-turbo.
func needJPEG(t testing.TB) {
	t.Helper()
	if pixels.JPEGVersion() == "" {
		t.Skip("built without libjpeg-turbo")
	}
}
