package sandbox

import (
	"errors"

	"github.com/imglish/imglish/pixels"
)

// Reason is the one place that turns an error of Decode or Cuts into a short fixed word by which reports count. mayPass
// says that the same picture may decode another time. Where the machine is at fault and not the picture, reason is "".
func Reason(err error) (reason string, mayPass bool) {
	for _, r := range []struct {
		is      error
		reason  string
		mayPass bool
	}{
		{pixels.ErrNotImage, "not-an-image", false},
		{pixels.ErrUnsupported, "unsupported-image", false},
		{pixels.ErrTooManyPixels, "too-many-pixels", false},
		{pixels.ErrTruncated, "truncated", false},
		{pixels.ErrCorrupt, "decode-error", false},
		{ErrCrash, "decode-crash", false},
		{ErrTimeout, "decode-timeout", true}, // a machine under load may be at fault
	} {
		if errors.Is(err, r.is) {
			return r.reason, r.mayPass
		}
	}
	return "", false
}
