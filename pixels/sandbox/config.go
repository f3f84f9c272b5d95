package sandbox

import (
	"fmt"
	"runtime"
	"time"
)

// Config are the settings of a Pool.
type Config struct {
	Workers int           `yaml:"workers"` // processes
	Timeout time.Duration `yaml:"timeout"` // for one picture
	Memory  int64         `yaml:"memory"`  // bytes that a worker may take beyond what it starts with
	Recycle int           `yaml:"recycle"` // pictures after which a worker is replaced
}

// Defaults gives one worker a processor.
func Defaults() Config {
	return Config{
		Workers: runtime.GOMAXPROCS(0),
		// The largest pictures take about a second; a machine that is busy with other things gets ten times that.
		Timeout: 10 * time.Second,
		// 50 million pixels of 16-bit RGBA and their RGB copy take 550 MB, the coefficients of a progressive JPEG 450 MB.
		Memory: 1 << 30,
		// A start takes some 20 ms, so this costs nothing, and a decoder's leak stays small.
		Recycle: 2000,
	}
}

// Validate names the first setting that cannot be.
func (c Config) Validate() error {
	switch {
	case c.Workers < 1 || c.Workers > 1024:
		return fmt.Errorf("sandbox: workers is %d, must be in 1..1024", c.Workers)
	case c.Timeout < 10*time.Millisecond:
		return fmt.Errorf("sandbox: timeout is %s, must be at least 10ms", c.Timeout)
	case c.Memory < 64<<20:
		return fmt.Errorf("sandbox: memory is %d, must be at least 64 MiB", c.Memory)
	case c.Recycle < 1:
		return fmt.Errorf("sandbox: recycle is %d, must be at least 1", c.Recycle)
	}
	return nil
}
