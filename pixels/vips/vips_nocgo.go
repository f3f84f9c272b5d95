//go:build !cgo

package vips

import (
	"errors"

	"github.com/imglish/imglish/pixels"
)

var errNone = errors.New("this build has no libvips; build with CGO_ENABLED=1")

// Version is empty: there is no libvips in this build.
func Version() string { return "" }

// Thumbnail needs libvips, which this build does not have.
func Thumbnail([]byte, int) ([]byte, error) { return nil, errNone }

// Upright needs libvips, which this build does not have.
func Upright([]byte) ([]byte, error) { return nil, errNone }

// EncodeWebP needs libvips, which this build does not have.
func EncodeWebP(*pixels.Image) ([]byte, error) { return nil, errNone }
