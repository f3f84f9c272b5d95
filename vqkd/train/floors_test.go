package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor"
)

func TestFloorsRefuse(t *testing.T) {
	needJPEG(t)
	for name, change := range map[string]func(*Config){
		"usage":      func(c *Config) { c.MinUsage = 1; c.Codes = 256; c.RestartEvery = 0 },
		"perplexity": func(c *Config) { c.MinPerplexity = 1 },
		"stability":  func(c *Config) { c.MinStability = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.safetensors")
			c := small()
			c.Steps = 6
			change(&c)
			_, err := Run(t.Context(), tensor.NewReference[float32](), c, lessons(t, c), path, Options{})
			if !errors.Is(err, ErrRejected) || !strings.Contains(err.Error(), name) {
				t.Fatalf("error %v, want ErrRejected about %s", err, name)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("a refused tokenizer stands under its name")
			}
			if _, err := os.Stat(path + ".rejected"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Measures in a row below a floor stop the run long before its end; what was learned is kept, and goes on under lower
// floors.
func TestFloorsStopARun(t *testing.T) {
	needJPEG(t)
	c := small()
	c.Steps, c.Free, c.EvalEvery, c.FloorsFrom, c.Patience = 40, 0.1, 2, 0.25, 3
	c.MinUsage, c.Codes, c.RestartEvery = 1, 256, 0
	path := filepath.Join(t.TempDir(), "t.safetensors")
	var logs strings.Builder
	done := int64(0)
	options := Options{
		Progress: func(n, _ int64, _ string) { done = n },
		Logf:     func(format string, _ ...any) { logs.WriteString(format + "\n") },
	}
	_, err := Run(t.Context(), tensor.NewReference[float32](), c, lessons(t, c), path, options)
	var hinted interface{ Hint() string }
	if !errors.Is(err, ErrRejected) || !errors.As(err, &hinted) {
		t.Fatalf("error %v, want ErrRejected with a hint", err)
	}
	for _, want := range []string{"usage", "3 measures in a row since step 10", "behind step 14 of 40"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if done >= 14 { // the step that stopped it is not told of as progress
		t.Errorf("%d steps of progress", done)
	}
	if _, err := os.Stat(path + ".rejected"); err == nil {
		t.Error("a run that was stopped has written a tokenizer")
	}
	c.MinUsage = 0
	if _, err := Run(t.Context(), tensor.NewReference[float32](), c, lessons(t, c), path, options); err != nil {
		t.Errorf("under lower floors: %v", err)
	}
	if !strings.Contains(logs.String(), "going on behind step") {
		t.Errorf("it began anew:\n%s", logs.String())
	}
}

func TestWatch(t *testing.T) {
	c := Config{Steps: 100, Codes: 10, MinUsage: 0.5, FloorsFrom: 0.2, Patience: 2}
	good, bad := Measures{Usage: 0.5}, Measures{Usage: 0.4}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		seen   []Measures // at steps 10, 20, 30, …
		stop   int        // number of the measures that end the run, 0: none
	}{
		{"good", nil, []Measures{good, good, good}, 0},
		{"two in a row", nil, []Measures{good, bad, bad}, 3},
		{"early ones do not count", nil, []Measures{bad, bad, good, bad}, 0},
		{"a good one between", nil, []Measures{good, bad, good, bad, bad}, 5},
		{"no patience is patience without end", func(c *Config) { c.Patience = 0 }, []Measures{bad, bad, bad, bad}, 0},
		{"another floor", func(c *Config) { c.MinStability = 0.1 }, []Measures{good, good, good}, 3},
		{"perplexity is a share of the codes", func(c *Config) { c.MinPerplexity = 0.3 },
			[]Measures{{Usage: 1, Perplexity: 2.9}, {Usage: 1, Perplexity: 3.1}, {Usage: 1, Perplexity: 2.9}, {Usage: 1, Perplexity: 2.9}}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, w, stop := c, watch{}, 0
			if tt.change != nil {
				tt.change(&c)
			}
			for i, m := range tt.seen {
				if _, err := w.see(c, 10*(i+1), m); err != nil && stop == 0 {
					stop = i + 1
				}
			}
			if stop != tt.stop {
				t.Errorf("stopped at measures %d, want %d", stop, tt.stop)
			}
		})
	}
}
