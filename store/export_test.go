package store

import "time"

// WithRetry makes a store less patient, for tests of what happens when patience ends.
func WithRetry(first, most, total, stall time.Duration) Option {
	return func(o *options) { o.retry = &retry{first: first, most: most, total: total, stall: stall} }
}
