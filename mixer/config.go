package mixer

import (
	"errors"
	"fmt"
)

// Config are the settings of the mixer. Those up to PairPieces decide what is in a batch; the others only how fast it
// comes and how it is cut.
type Config struct {
	// Seed is part of the key of every choice.
	Seed uint64 `yaml:"seed"`

	// Images, Texts and Pairs are the rows of each kind in a batch. 2,048 of each: BEiT-3's batch of 6,144.
	Images int `yaml:"images"`
	Texts  int `yaml:"texts"`
	Pairs  int `yaml:"pairs"`

	// HeldOut is the share of ids that training never draws. 0.01: of 10,000 samples 100, which shows a loss to a few
	// per cent and costs little.
	HeldOut float64 `yaml:"held_out"`

	// Mask is how patches are masked: "paper" draws blocks by Algorithm 1 of BEiT, "beit2" the public code's exact count.
	Mask string `yaml:"mask"`
	// TextMask and PairTextMask are the shares of pieces masked in texts and in the texts of pairs: BEiT-3 section 2.2.
	TextMask     float64 `yaml:"text_mask"`
	PairTextMask float64 `yaml:"pair_text_mask"`
	// TextPieces and PairPieces bound a text with its bos and eos: 512 and 64, as the published models have it. What is
	// beyond is cut off.
	TextPieces int `yaml:"text_pieces"`
	PairPieces int `yaml:"pair_pieces"`

	// MicroRows and MicroBytes bound a micro-batch. 64 rows of 224 pixels are 10 MB; 32 MiB holds larger views too.
	MicroRows  int   `yaml:"micro_rows"`
	MicroBytes int64 `yaml:"micro_bytes"`
	// Ahead is how many micro-batches may be ready or under way before the trainer asks: 4, about 40 MB.
	Ahead int `yaml:"ahead"`
	// Workers is how many micro-batches are decoded at once; 0 for one a processor core.
	Workers int `yaml:"workers"`
}

// Defaults returns the settings that hold unless said otherwise.
func Defaults() Config {
	return Config{
		Images: 2048, Texts: 2048, Pairs: 2048,
		HeldOut: 0.01,
		Mask:    "paper", TextMask: 0.15, PairTextMask: 0.5, TextPieces: 512, PairPieces: 64,
		MicroRows: 64, MicroBytes: 32 << 20, Ahead: 4,
	}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, name string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("mixer: %s is %v, want %s", name, value, want))
		}
	}
	const most = 1 << 24
	for _, n := range []struct {
		name  string
		value int
	}{{"images", c.Images}, {"texts", c.Texts}, {"pairs", c.Pairs}} {
		check(n.value >= 0 && n.value <= most, n.name, n.value, fmt.Sprintf("0 to %d", most))
	}
	check(c.Images+c.Texts+c.Pairs > 0, "the sum of images, texts and pairs", 0, "at least 1")
	check(c.HeldOut >= 0 && c.HeldOut < 1, "held_out", c.HeldOut, "a share from 0 to below 1")
	check(c.Mask == "paper" || c.Mask == "beit2", "mask", fmt.Sprintf("%q", c.Mask), `"paper" or "beit2"`)
	check(c.TextMask >= 0 && c.TextMask <= 1, "text_mask", c.TextMask, "a share from 0 to 1")
	check(c.PairTextMask >= 0 && c.PairTextMask <= 1, "pair_text_mask", c.PairTextMask, "a share from 0 to 1")
	check(c.TextPieces >= 3 && c.TextPieces <= most, "text_pieces", c.TextPieces, "3 or more: bos, a piece, eos")
	check(c.PairPieces >= 3 && c.PairPieces <= most, "pair_pieces", c.PairPieces, "3 or more: bos, a piece, eos")
	check(c.MicroRows >= 1, "micro_rows", c.MicroRows, "1 or more")
	check(c.MicroBytes >= 1, "micro_bytes", c.MicroBytes, "1 or more")
	check(c.Ahead >= 1, "ahead", c.Ahead, "1 or more")
	check(c.Workers >= 0, "workers", c.Workers, "0 or more")
	return errors.Join(errs...)
}
