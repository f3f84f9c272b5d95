package pipeline

import (
	"errors"
	"time"
)

// What a store says of its errors. They are not of a sample: a bucket that is away makes no picture bad.

// storeAway reports an error of a store that does not answer: the work waits and is done again, for as long as it takes.
func storeAway(err error) bool {
	var e interface{ Outage() bool }
	return errors.As(err, &e) && e.Outage()
}

// storeRefuses reports an error of a store that no retry mends until somebody changes something, such as a wrong key.
func storeRefuses(err error) bool {
	var e interface{ Refused() bool }
	return errors.As(err, &e) && e.Refused()
}

// maxOutagePause bounds the pause between two attempts while a store does not answer, so that the line goes on soon after
// the store does.
const maxOutagePause = 5 * time.Second
