package pixels

import "errors"

// What can be wrong with a picture. Errors of Probe and Decode wrap one of these.
var (
	ErrNotImage      = errors.New("neither JPEG, PNG, GIF nor WebP")
	ErrUnsupported   = errors.New("picture of an unsupported kind")
	ErrTooManyPixels = errors.New("too many pixels")
	ErrTruncated     = errors.New("picture is cut short")
	ErrCorrupt       = errors.New("picture is damaged")
)
