package view

import (
	"fmt"
	"math"
	"slices"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels/sandbox"
)

// Config says which views are drawn and how they are kept.
type Config struct {
	Seed      uint64              `yaml:"seed"`
	Side      int                 `yaml:"side"`       // S, pixels
	Grid      int                 `yaml:"grid"`       // G, patches a side
	Encoding  string              `yaml:"encoding"`   // "jpeg-q95-444", another quality, "…-420", or "webp-lossless"
	Orient    bool                `yaml:"orient"`     // turn pictures as their EXIF orientation asks
	MaxPixels int64               `yaml:"max_pixels"` // of a source picture
	Image     Draw                `yaml:"image"`      // for images without text
	Pair      Draw                `yaml:"pair"`       // for images with text
	Sources   map[string]Override `yaml:"sources"`    // by data set: what differs there
	Sandbox   sandbox.Config      `yaml:"sandbox"`
}

// Draw says how the views of a sample are drawn.
type Draw struct {
	Mode   string     `yaml:"mode"`   // "random", or "reference": the centre, without randomness, one view
	Views  int        `yaml:"views"`  // K
	Scale  [2]float64 `yaml:"scale"`  // area of the crop, as a share of the picture's
	Aspect [2]float64 `yaml:"aspect"` // width by height of the crop
	Flip   float64    `yaml:"flip"`   // probability
	Jitter [3]float64 `yaml:"jitter"` // brightness, contrast, saturation: factors from 1−s to 1+s
}

// Override is a Draw in which what is not set stays as the sample's kind has it.
type Override struct {
	Mode   *string     `yaml:"mode"`
	Views  *int        `yaml:"views"`
	Scale  *[2]float64 `yaml:"scale"`
	Aspect *[2]float64 `yaml:"aspect"`
	Flip   *float64    `yaml:"flip"`
	Jitter *[3]float64 `yaml:"jitter"`
}

// Modes of drawing.
const (
	Random    = "random"
	Reference = "reference"
)

// Defaults follows BEiT v2's and BEiT-3's recipes for images. Captions name sides, numbers and colours, so pairs are not
// flipped, keep most of the picture, and change colours less.
func Defaults() Config {
	aspect := [2]float64{3. / 4, 4. / 3}
	return Config{
		Side:      224, // what the released models take
		Grid:      14,  // patches of 16
		Encoding:  "jpeg-q95-444",
		MaxPixels: 50_000_000, // as clean has it
		Image: Draw{
			Mode: Random, Views: 2, // a view costs as much to tokenize as an image: K views, K times the work
			Scale: [2]float64{0.2, 1}, Aspect: aspect, Flip: 0.5, Jitter: [3]float64{0.4, 0.4, 0.4},
		},
		Pair: Draw{
			Mode: Random, Views: 1,
			Scale: [2]float64{0.8, 1}, Aspect: aspect, Flip: 0, Jitter: [3]float64{0.2, 0.2, 0.2},
		},
		Sandbox: sandbox.Defaults(),
	}
}

// over lays what is set over d.
func (o Override) over(d Draw) Draw {
	set(&d.Mode, o.Mode)
	set(&d.Views, o.Views)
	set(&d.Scale, o.Scale)
	set(&d.Aspect, o.Aspect)
	set(&d.Flip, o.Flip)
	set(&d.Jitter, o.Jitter)
	return d
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// draw is how the views of a sample are drawn.
func (c Config) draw(s *pipeline.Sample) Draw {
	d := c.Image
	if s.Kind == pipeline.Kind_PAIR {
		d = c.Pair
	}
	return c.Sources[s.GetSource().GetDataset()].over(d)
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	if c.Side < 8 || c.Side > 4096 {
		return fmt.Errorf("side: %d pixels, must lie between 8 and 4096", c.Side)
	}
	if c.Grid < 1 || c.Side%c.Grid != 0 {
		return fmt.Errorf("grid: %d patches a side do not divide %d pixels", c.Grid, c.Side)
	}
	if c.MaxPixels < 1 || c.MaxPixels > 1<<30 {
		return fmt.Errorf("max_pixels: must lie between 1 and 2^30, since a picture is held in memory")
	}
	if err := validEncoding(c.Encoding); err != nil {
		return err
	}
	if err := c.Image.validate("image"); err != nil {
		return err
	}
	if err := c.Pair.validate("pair"); err != nil {
		return err
	}
	names := []string{}
	for name := range c.Sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for kind, d := range map[string]Draw{"image": c.Image, "pair": c.Pair} {
			if err := c.Sources[name].over(d).validate(fmt.Sprintf("sources: %s (%s)", name, kind)); err != nil {
				return err
			}
		}
	}
	return c.Sandbox.Validate()
}

func (d Draw) validate(where string) error {
	within := func(v [2]float64, lo, hi float64) bool { return v[0] >= lo && v[0] <= v[1] && v[1] <= hi }
	share := func(v, hi float64) bool { return v >= 0 && v <= hi && !math.IsNaN(v) }
	switch {
	case d.Mode != Random && d.Mode != Reference:
		return fmt.Errorf("%s: mode: %q is neither %q nor %q", where, d.Mode, Random, Reference)
	case d.Views < 1 || d.Views > 1000:
		return fmt.Errorf("%s: views: %d, must lie between 1 and 1000", where, d.Views)
	case d.Mode == Reference && d.Views != 1:
		return fmt.Errorf("%s: views: mode %q gives one view, not %d", where, Reference, d.Views)
	case !within(d.Scale, 1e-4, 1):
		return fmt.Errorf("%s: scale: %v, must rise and lie between 0.0001 and 1", where, d.Scale)
	case !within(d.Aspect, 0.01, 100):
		return fmt.Errorf("%s: aspect: %v, must rise and lie between 0.01 and 100", where, d.Aspect)
	case !share(d.Flip, 1):
		return fmt.Errorf("%s: flip: %v is no probability", where, d.Flip)
	case !share(d.Jitter[0], 1) || !share(d.Jitter[1], 1) || !share(d.Jitter[2], 1):
		return fmt.Errorf("%s: jitter: %v, must lie between 0 and 1", where, d.Jitter)
	}
	return nil
}
