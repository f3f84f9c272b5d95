package train

import (
	"fmt"
	"math"
)

// Config says what is trained and how.
type Config struct {
	// The tokenizer.
	Side    int `yaml:"side" json:"side"`         // S, pixels
	Patch   int `yaml:"patch" json:"patch"`       // P, pixels
	Width   int `yaml:"width" json:"width"`       // of the encoder; the MLP is four times as wide
	Depth   int `yaml:"depth" json:"depth"`       // blocks of the encoder
	Heads   int `yaml:"heads" json:"heads"`       // of encoder and decoder
	Codes   int `yaml:"codes" json:"codes"`       // K
	CodeDim int `yaml:"code_dim" json:"code_dim"` // length of a code's vector
	Decoder int `yaml:"decoder" json:"decoder"`   // blocks of the decoder, which is as wide as the encoder

	// The run.
	Steps       int     `yaml:"steps" json:"steps"`
	Batch       int     `yaml:"batch" json:"batch"`                       // views a step
	MicroBatch  int     `yaml:"micro_batch" json:"micro_batch,omitempty"` // of them, so many go through the model at once; 0: all
	Free        float64 `yaml:"free" json:"free"`                         // share of the steps without the quantiser
	Warmup      float64 `yaml:"warmup" json:"warmup"`                     // share of the steps
	LR          float64 `yaml:"lr" json:"lr"`
	MinLR       float64 `yaml:"min_lr" json:"min_lr"`
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay"`
	Beta1       float64 `yaml:"beta1" json:"beta1"`
	Beta2       float64 `yaml:"beta2" json:"beta2"`
	Clip        float64 `yaml:"clip" json:"clip"` // most length of the gradient
	Seed        uint64  `yaml:"seed" json:"seed"`

	// The codebook.
	Decay        float64 `yaml:"decay" json:"decay"`                 // of the moving average
	Commitment   float64 `yaml:"commitment" json:"commitment"`       // weight of the loss that draws z to its code
	RestartEvery int     `yaml:"restart_every" json:"restart_every"` // steps; 0: never
	RestartBelow float64 `yaml:"restart_below" json:"restart_below"` // of the mean use: a code below is dead
	RestartUntil float64 `yaml:"restart_until" json:"restart_until"` // share of the steps; later codes may settle

	// The pictures.
	CropMin float64 `yaml:"crop_min" json:"crop_min"` // least share of a picture's area that a crop takes
	Roughen float64 `yaml:"roughen" json:"roughen"`   // share of inputs that get JPEG's losses or noise
	HeldOut float64 `yaml:"held_out" json:"held_out"` // share of pictures that only measuring sees
	Views   int     `yaml:"views" json:"views"`       // held-out views that are measured

	EvalEvery int `yaml:"eval_every" json:"eval_every"` // steps
	SaveEvery int `yaml:"save_every" json:"save_every"` // steps; where a stopped run goes on

	// The floors.
	MinUsage      float64 `yaml:"min_usage" json:"min_usage"`           // share of the codes
	MinPerplexity float64 `yaml:"min_perplexity" json:"min_perplexity"` // share of the codes
	MinStability  float64 `yaml:"min_stability" json:"min_stability"`   // share of the patches
	FloorsFrom    float64 `yaml:"floors_from" json:"floors_from"`       // share of the steps; measures before may be low
	Patience      int     `yaml:"patience" json:"patience"`             // measures in a row below a floor that stop the run; 0: only the end counts
}

// Defaults make a small tokenizer in a quarter of an hour on two cores.
func Defaults() Config {
	return Config{
		Side: 224, Patch: 16, // the grid of 14×14 that BEiT-3 is trained on
		Width: 128, Depth: 3, Heads: 2, // 0.35 GFLOP a picture: some 50 a second and core
		Codes: 256, CodeDim: 32, // the published code length; codes as a small picture set can fill
		Decoder: 1, // as in two of the three published models: a weak decoder leaves the work to the codes
		Steps:   600, Batch: 32, Free: 0.2, Warmup: 0.05,
		LR: 2e-3, MinLR: 2e-5, WeightDecay: 1e-4, Beta1: 0.9, Beta2: 0.99, // the published recipe's, but for the rate: small models take more
		Clip: 3, Seed: 1,
		Decay: 0.99, Commitment: 1, // the published values
		RestartEvery: 10, RestartBelow: 0.1, RestartUntil: 0.8,
		CropMin: 0.3, Roughen: 0.5, HeldOut: 0.1, Views: 128,
		EvalEvery: 100, SaveEvery: 100,
		MinUsage: 0.9, MinStability: 0.8,
		MinPerplexity: 0.1,              // pictures hold much sky: good codebooks of 256 measured 0.13 to 0.33
		FloorsFrom:    0.5, Patience: 3, // dead codes are placed anew until restart_until: one low measure is no collapse
	}
}

// Validate says which setting is out of range.
func (c Config) Validate() error {
	for _, v := range []struct {
		name      string
		v, lo, hi int
	}{
		{"side", c.Side, 1, 2048}, {"patch", c.Patch, 1, 256}, {"width", c.Width, 1, 1 << 13}, {"depth", c.Depth, 1, 64},
		{"heads", c.Heads, 1, 256}, {"codes", c.Codes, 2, 1 << 16}, {"code_dim", c.CodeDim, 2, 1024}, {"decoder", c.Decoder, 1, 64},
		{"steps", c.Steps, 1, math.MaxInt32}, {"batch", c.Batch, 1, 4096}, {"micro_batch", c.MicroBatch, 0, c.Batch},
		{"restart_every", c.RestartEvery, 0, math.MaxInt32}, {"views", c.Views, 1, 1 << 16},
		{"eval_every", c.EvalEvery, 1, math.MaxInt32}, {"save_every", c.SaveEvery, 1, math.MaxInt32},
		{"patience", c.Patience, 0, math.MaxInt32},
	} {
		if v.v < v.lo || v.v > v.hi {
			return fmt.Errorf("tokenizer training: %s is %d, want %d to %d", v.name, v.v, v.lo, v.hi)
		}
	}
	for _, v := range []struct {
		name      string
		v, lo, hi float64
	}{
		{"free", c.Free, 0, 0.9}, {"warmup", c.Warmup, 0, 0.9}, {"lr", c.LR, 0, 1}, {"min_lr", c.MinLR, 0, c.LR}, {"weight_decay", c.WeightDecay, 0, 1}, {"beta1", c.Beta1, 0, 0.9999},
		{"beta2", c.Beta2, 0, 0.99999}, {"clip", c.Clip, 1e-6, 1e6}, {"decay", c.Decay, 0, 1}, {"commitment", c.Commitment, 0, 1e3},
		{"restart_below", c.RestartBelow, 0, 1}, {"restart_until", c.RestartUntil, 0, 1}, {"crop_min", c.CropMin, 0.01, 1},
		{"roughen", c.Roughen, 0, 1}, {"held_out", c.HeldOut, 0, 0.9}, {"min_usage", c.MinUsage, 0, 1},
		{"min_perplexity", c.MinPerplexity, 0, 1}, {"min_stability", c.MinStability, 0, 1}, {"floors_from", c.FloorsFrom, 0, 1},
	} {
		if !(v.v >= v.lo && v.v <= v.hi) {
			return fmt.Errorf("tokenizer training: %s is %v, want %v to %v", v.name, v.v, v.lo, v.hi)
		}
	}
	if c.Side%c.Patch != 0 || c.Width%c.Heads != 0 {
		return fmt.Errorf("tokenizer training: side %d must be a multiple of patch %d, width %d of heads %d", c.Side, c.Patch, c.Width, c.Heads)
	}
	if rows := c.Batch * c.Grid() * c.Grid(); rows < c.Codes {
		return fmt.Errorf("tokenizer training: a batch has %d patches, fewer than the %d codes: raise batch to %d, or lower codes",
			rows, c.Codes, (c.Codes+c.Grid()*c.Grid()-1)/(c.Grid()*c.Grid()))
	}
	return nil
}

// Grid is how many patches a view has a side, G.
func (c Config) Grid() int { return c.Side / c.Patch }

// freeSteps is how many steps go without the quantiser.
func (c Config) freeSteps() int { return int(c.Free * float64(c.Steps)) }
