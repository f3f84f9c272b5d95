package clean

import (
	"errors"

	"github.com/imglish/imglish/pixels/sandbox"
)

// Config are the limits, and the shape of the signatures.
type Config struct {
	MinSide   int     `yaml:"min_side"`   // pixels of the shorter side
	MaxPixels int64   `yaml:"max_pixels"` // width × height
	MaxAspect float64 `yaml:"max_aspect"` // longer side by shorter side
	MinChars  int     `yaml:"min_chars"`  // letters and digits of a text

	Shingle int `yaml:"shingle"` // words in a row that MinHash compares
	Bands   int `yaml:"bands"`   // of the MinHash signature
	Rows    int `yaml:"rows"`    // values a band

	Sandbox sandbox.Config `yaml:"sandbox"`
}

// Defaults keeps what can be learned from.
func Defaults() Config {
	return Config{
		MinSide:   32,         // two patches; below lie icons and tracking pixels
		MaxPixels: 50_000_000, // a 50 megapixel camera; what is larger is a scan or a bomb
		MaxAspect: 20,         // longer ones are rules and banners, of which a square view shows nothing
		MinChars:  3,          // "cat"
		Shingle:   5,          // with 14 bands of 8, texts that share four fifths of their shingles are found
		Bands:     14,
		Rows:      8,
		Sandbox:   sandbox.Defaults(),
	}
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	for _, v := range []struct {
		ok  bool
		say string
	}{
		{c.MinSide >= 1, "min_side: must be at least 1"},
		{c.MaxPixels >= 1 && c.MaxPixels <= 1<<30, "max_pixels: must lie between 1 and 2^30, since a picture is held in memory"},
		{c.MaxAspect >= 1, "max_aspect: must be at least 1"},
		{c.MinChars >= 0, "min_chars: must not be negative"},
		{c.Shingle >= 1 && c.Shingle <= 100, "shingle: must lie between 1 and 100"},
		{c.Bands >= 1 && c.Rows >= 1 && c.Bands <= 4096 && c.Rows <= 4096 && c.Bands*c.Rows <= 4096, "bands, rows: must be at least 1, and their product at most 4096"},
	} {
		if !v.ok {
			return errors.New(v.say)
		}
	}
	return c.Sandbox.Validate()
}
