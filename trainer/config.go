package trainer

import (
	"fmt"
	"math"
)

// ModelConfig holds the settings of one Multiway Transformer. Patches a side G = Side/Patch.
type ModelConfig struct {
	Layers int `yaml:"layers" json:"layers"`
	Width  int `yaml:"width" json:"width"` // D
	Heads  int `yaml:"heads" json:"heads"`
	FFN    int `yaml:"ffn" json:"ffn"`     // width of the feed-forward experts' middle
	Patch  int `yaml:"patch" json:"patch"` // P, pixels; 0: the shards'
	Side   int `yaml:"side" json:"side"`   // S, pixels; 0: the shards'
	Vocab  int `yaml:"vocab" json:"vocab"` // rows of the text table; 0: the text tokenizer's
	Codes  int `yaml:"codes" json:"codes"` // K, visual words; 0: the visual tokenizer's

	MaxText  int `yaml:"max_text" json:"max_text"`   // most pieces of a text, bos and eos included
	VLLayers int `yaml:"vl_layers" json:"vl_layers"` // top layers in which pairs have an expert of their own

	SubNorm        bool `yaml:"sub_norm" json:"sub_norm"`               // a norm behind the attention's mixing and behind GELU
	SplitAttention bool `yaml:"split_attention" json:"split_attention"` // projections a modality, not shared
	SplitNorms     bool `yaml:"split_norms" json:"split_norms"`         // the attention's and the last norm a modality, not shared
	PositionOffset int  `yaml:"position_offset" json:"position_offset"` // unused leading rows of both position tables

	Eps float64 `yaml:"eps" json:"eps"` // of every layer norm

	// Init says how weights start, uniform around 0. "beit": within ±InitRange, as the paper's models, which are wide and
	// train long. "fan_in": matrices within ±√(3/inputs), tables within ±InitRange (0.7 suits), positions as waves and keys
	// equal to queries, so that rows attend to their neighbours and their like from the first step; a small model finds
	// that out only after thousands of steps else.
	Init      string  `yaml:"init" json:"init"`
	InitRange float64 `yaml:"init_range" json:"init_range"`
}

// LossWeights are the factors of the four terms; each term is the mean over its masked positions in the whole batch.
type LossWeights struct {
	Image     float64 `yaml:"image" json:"image"`
	Text      float64 `yaml:"text" json:"text"`
	PairImage float64 `yaml:"pair_image" json:"pair_image"`
	PairText  float64 `yaml:"pair_text" json:"pair_text"`
}

// OptimizerConfig holds AdamW's settings and the learning rate's course.
type OptimizerConfig struct {
	LR    float64 `yaml:"lr" json:"lr"` // peak
	MinLR float64 `yaml:"min_lr" json:"min_lr"`
	// PatchLR is the factor on the learning rate of the patches' projection. All values of a plain patch are about equal, so
	// a step moves its embedding 3·P² times as far as one weight, which a high peak over a short run does not bear.
	PatchLR     float64 `yaml:"patch_lr" json:"patch_lr"`
	WarmupSteps int64   `yaml:"warmup_steps" json:"warmup_steps"`
	Beta1       float64 `yaml:"beta1" json:"beta1"`
	Beta2       float64 `yaml:"beta2" json:"beta2"`
	Eps         float64 `yaml:"eps" json:"eps"`
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay"`
	Clip        float64 `yaml:"clip" json:"clip"` // largest norm of all gradients together; 0: no limit
	// BadSteps is how many steps in a row may have gradients that are not finite (and change nothing) before training stops.
	BadSteps int `yaml:"bad_steps" json:"bad_steps"`
}

// Config holds all settings of a training run. They are written into every checkpoint.
type Config struct {
	Model     ModelConfig     `yaml:"model" json:"model"`
	Optimizer OptimizerConfig `yaml:"optimizer" json:"optimizer"`
	Weights   LossWeights     `yaml:"weights" json:"weights"`

	Steps    int64      `yaml:"steps" json:"steps"`
	Seed     uint64     `yaml:"seed" json:"seed"`
	DropPath float64    `yaml:"drop_path" json:"drop_path"` // of the last layer; linear from 0 at the first
	Mean     [3]float64 `yaml:"mean" json:"mean"`           // R, G, B of pixels in 0..1
	Std      [3]float64 `yaml:"std" json:"std"`

	// PackTokens bounds the rows that go through the model at once; a batch is cut into as many packs as that takes. It
	// changes memory and speed, and results only by the rounding of sums over packs.
	PackTokens int `yaml:"pack_tokens" json:"pack_tokens"`

	Dir             string `yaml:"dir" json:"-"` // of checkpoints and loss.jsonl; under the data folder if relative
	CheckpointEvery int64  `yaml:"checkpoint_every" json:"checkpoint_every"`
	KeepLast        int    `yaml:"keep_last" json:"keep_last"`

	// Data says what the model was trained on: fingerprints of the tokenizers and of the mix. A checkpoint with other
	// values is not resumed.
	Data map[string]string `yaml:"-" json:"data"`
}

// Defaults are the published settings of BEiT-3's pretraining at the base size, in the paper's form.
func Defaults() Config {
	return Config{
		Model: ModelConfig{
			Layers: 12, Width: 768, Heads: 12, FFN: 3072, // BEiT-3 base
			MaxText:  512, // the longest text of the batch's contract
			VLLayers: 3,   // paper, section 2.1
			Eps:      1e-5,
			Init:     "beit", InitRange: 0.02, // BEiT, section 2.5
		},
		Optimizer: OptimizerConfig{ // paper, table 12
			LR: 1e-3, WarmupSteps: 10_000, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WeightDecay: 0.05, Clip: 3,
			MinLR:    1e-5, // not stated in the paper; BEiT's
			PatchLR:  1,    // as all others in the paper
			BadSteps: 10,
		},
		Weights:  LossWeights{1, 1, 1, 1}, // not stated in the paper; every term counts the same
		Steps:    1_000_000,               // paper, table 12
		DropPath: 0.1,                     // paper, table 12
		Mean:     [3]float64{0.5, 0.5, 0.5},
		Std:      [3]float64{0.5, 0.5, 0.5}, // pixels in −1..1, as the released models
		// Large enough for wide matrix products, small enough that a base model's activations fit in a few GB.
		PackTokens:      4096,
		Dir:             "train",
		CheckpointEvery: 1000,
		KeepLast:        2, // one to fall back on
	}
}

// Validate names the first setting that cannot be.
func (c *Config) Validate() error {
	if err := c.Model.Validate(); err != nil {
		return err
	}
	o := c.Optimizer
	for _, t := range []struct {
		field string
		value any
		ok    bool
	}{
		{"steps", c.Steps, c.Steps > 0},
		{"drop_path", c.DropPath, c.DropPath >= 0 && c.DropPath < 1},
		{"std", c.Std, c.Std[0] > 0 && c.Std[1] > 0 && c.Std[2] > 0},
		{"pack_tokens", c.PackTokens, c.PackTokens > 0},
		{"checkpoint_every", c.CheckpointEvery, c.CheckpointEvery > 0},
		{"keep_last", c.KeepLast, c.KeepLast > 0},
		{"weights.image", c.Weights.Image, c.Weights.Image >= 0},
		{"weights.text", c.Weights.Text, c.Weights.Text >= 0},
		{"weights.pair_image", c.Weights.PairImage, c.Weights.PairImage >= 0},
		{"weights.pair_text", c.Weights.PairText, c.Weights.PairText >= 0},
		{"optimizer.lr", o.LR, o.LR > 0 && !math.IsInf(o.LR, 0)},
		{"optimizer.min_lr", o.MinLR, o.MinLR >= 0 && o.MinLR <= o.LR},
		{"optimizer.patch_lr", o.PatchLR, o.PatchLR >= 0},
		{"optimizer.warmup_steps", o.WarmupSteps, o.WarmupSteps >= 0},
		{"optimizer.beta1", o.Beta1, o.Beta1 >= 0 && o.Beta1 < 1},
		{"optimizer.beta2", o.Beta2, o.Beta2 >= 0 && o.Beta2 < 1},
		{"optimizer.eps", o.Eps, o.Eps > 0},
		{"optimizer.weight_decay", o.WeightDecay, o.WeightDecay >= 0},
		{"optimizer.clip", o.Clip, o.Clip >= 0},
		{"optimizer.bad_steps", o.BadSteps, o.BadSteps > 0},
	} {
		if !t.ok {
			return fmt.Errorf("train.%s: %v is out of range", t.field, t.value)
		}
	}
	return nil
}

// Validate names the first setting that cannot be.
func (c *ModelConfig) Validate() error {
	for _, t := range []struct {
		field string
		value any
		ok    bool
	}{
		{"layers", c.Layers, c.Layers > 0 && c.Layers <= 1<<10},
		{"width", c.Width, c.Width > 0 && c.Width <= 1<<15},
		{"heads", c.Heads, c.Heads > 0 && c.Width%max(c.Heads, 1) == 0},
		{"ffn", c.FFN, c.FFN > 0 && c.FFN <= 1<<17},
		{"patch", c.Patch, c.Patch > 0},
		{"side", c.Side, c.Side > 0 && c.Side <= 1<<13 && c.Side%max(c.Patch, 1) == 0},
		{"vocab", c.Vocab, c.Vocab > 0 && c.Vocab <= 1<<24},
		{"codes", c.Codes, c.Codes > 0 && c.Codes <= 1<<16},
		{"max_text", c.MaxText, c.MaxText > 0 && c.MaxText <= 1<<20},
		{"vl_layers", c.VLLayers, c.VLLayers >= 0 && c.VLLayers <= c.Layers},
		{"position_offset", c.PositionOffset, c.PositionOffset >= 0 && c.PositionOffset <= 1<<10},
		{"eps", c.Eps, c.Eps > 0},
		{"init", c.Init, c.Init == "beit" || c.Init == "fan_in"},
		{"init_range", c.InitRange, c.InitRange > 0},
	} {
		if !t.ok {
			return fmt.Errorf("train.model.%s: %v does not fit (%+v)", t.field, t.value, *c)
		}
	}
	return nil
}

// Grid is G, patches a side.
func (c *ModelConfig) Grid() int { return c.Side / c.Patch }

// visionRows is the rows of one image: the class token and its patches.
func (c *ModelConfig) visionRows() int { return 1 + c.Grid()*c.Grid() }

// Fit takes what the data says where a setting is 0, and refuses a setting that the data contradicts: views of side
// pixels and grid patches a side, codes below codes, ids below vocab. A number that is 0 here is not known.
func (c *ModelConfig) Fit(side, grid, codes, vocab int) error {
	patch := 0
	if grid > 0 {
		patch = side / grid
	}
	for _, t := range []struct {
		field string
		value *int
		data  int
		more  bool // more than the data has does no harm
	}{{"side", &c.Side, side, false}, {"patch", &c.Patch, patch, false}, {"codes", &c.Codes, codes, true}, {"vocab", &c.Vocab, vocab, true}} {
		switch {
		case *t.value == 0:
			*t.value = max(1, t.data)
		case t.data > *t.value || t.data > 0 && t.data < *t.value && !t.more:
			return fmt.Errorf("train.model.%s is %d, the shards have %d", t.field, *t.value, t.data)
		}
	}
	return nil
}
