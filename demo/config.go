package demo

import (
	"errors"
	"fmt"
)

// Config says how large a demonstration to give.
type Config struct {
	Dir      string // everything that it makes is here
	Photos   string // where build/demo-data.sh put the real photos and the Wikipedia excerpt; may be empty
	Seed     uint64
	Pairs    int // scenes with captions
	Images   int // scenes with labels
	Articles int
	Steps    int // of training
	Threads  int // of computing; 0 means all cores
	Port     int // of the pictures' server; 0 takes a free one at the first run and keeps it
	Train    bool
	JSON     bool // print the results as one JSON line instead of the story
}

// Defaults gives a demonstration of under five minutes on two cores.
func Defaults() Config {
	return Config{
		Dir:      "demo-run",
		Photos:   ".cache/demo-data",
		Seed:     1,
		Pairs:    1600, // held out are a few hundred, enough to tell 0.2 from chance
		Images:   600,
		Articles: 500,
		Steps:    1500, // about 150 s of processor time with AVX-512
		Train:    true,
	}
}

// Validate says what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("dir: say where the demo may write")
	case c.Pairs < 10 || c.Images < 1 || c.Articles < 1:
		return errors.New("pairs, images, articles: at least 10, 1 and 1")
	case c.Steps < 1:
		return errors.New("steps: at least 1")
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port: %d is no port", c.Port)
	}
	return nil
}
