package scenes

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
)

// Config says what Write makes.
type Config struct {
	Seed     uint64 `yaml:"seed"`
	Pairs    int    `yaml:"pairs"`    // pictures with captions: photos/ and list.tsv
	Images   int    `yaml:"images"`   // pictures with labels: synsets/
	Articles int    `yaml:"articles"` // pages: pages-articles.xml.bz2
	Side     int    `yaml:"side"`     // pixels
	Quality  int    `yaml:"quality"`  // of the JPEG files
	BaseURL  string `yaml:"base_url"` // where the folder will be served
	Masks    bool   `yaml:"masks"`    // also write masks/, a PNG an object
	Workers  int    `yaml:"workers"`  // pictures at once; they change no byte
}

// Defaults gives a small set.
func Defaults() Config {
	return Config{
		Seed:     1,
		Pairs:    1000,
		Images:   500,
		Articles: 500,
		Side:     256, // the shorter side from which the models' 224 is cut
		Quality:  95,  // shapes keep crisp edges
		BaseURL:  "http://127.0.0.1:8080/",
		Workers:  runtime.GOMAXPROCS(0),
	}
}

// Validate names the first setting that cannot be.
func (c Config) Validate() error {
	for _, n := range []struct {
		name      string
		v, lo, hi int
	}{
		{"pairs", c.Pairs, 0, 10_000_000}, {"images", c.Images, 0, 10_000_000}, {"articles", c.Articles, 0, 10_000_000},
		{"side", c.Side, 32, 4096}, // below 32 an object has no shape
		{"quality", c.Quality, 1, 100}, {"workers", c.Workers, 1, 1024},
	} {
		if n.v < n.lo || n.v > n.hi {
			return fmt.Errorf("scenes: %s is %d, must be in %d..%d", n.name, n.v, n.lo, n.hi)
		}
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(c.BaseURL, "\t\n\r") {
		return fmt.Errorf("scenes: base_url %q is no http address", c.BaseURL)
	}
	return nil
}

// photoURL is where photo i will be served.
func (c Config) photoURL(file string) string { return strings.TrimSuffix(c.BaseURL, "/") + "/" + file }
