package train

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Config says what to train. Names and defaults follow the original trainer's.
type Config struct {
	Type  string // unigram or bpe
	Vocab int    // pieces, all symbols included
	// HardVocab: fewer pieces than Vocab is an error.
	HardVocab bool
	// Coverage is the share of all characters that the pieces must be able to write; the rarest others are unknown.
	Coverage      float64
	RequiredChars string // characters that are covered however rare they are

	Rule           string // name of the normalisation, see RuleNames
	Rules          Rules  // own rules instead; Rule is then their name
	DummyPrefix    bool   // a space before each text
	CollapseSpaces bool   // also removes those at both ends

	MaxPieceChars   int
	SplitByScript   bool // no piece has letters of two scripts; kana and han count as one
	SplitByNumber   bool // no piece has digits beside letters
	SplitBySpace    bool // no piece reaches over a space
	SplitDigits     bool // each digit is a piece
	SpaceOnlyPieces bool // pieces of several spaces
	ByteFallback    bool // bytes as pieces, for characters that are not covered

	Control     []string // symbols that no text can spell
	UserDefined []string // symbols that are always one piece
	UnkID       int
	BosID       int // -1: none; so with the following
	EosID       int
	PadID       int
	UnkPiece    string
	BosPiece    string
	EosPiece    string
	PadPiece    string

	Seeds         int     // Unigram: candidates to begin with
	Shrink        float64 // Unigram: share of the pieces that one pruning keeps
	SubIterations int     // Unigram: rounds of EM between two prunings

	MaxTextBytes int     // longer texts are left out; 0: none are
	Sample       float64 // share of the texts to take
	Seed         uint64  // of what is drawn
	MemoryBytes  int64   // that training may take, about
	Threads      int
	Scratch      string // folder for counts that do not fit; empty: the system's
}

// The least memory that training makes sense with, and the most that it knows to use: places of words are 32 bits wide.
const (
	minMemory = 128 << 20
	maxMemory = 1 << 40
)

// Defaults are the original's, but for MaxTextBytes: words are what is trained on, so long texts do no harm.
func Defaults() Config {
	return Config{
		Type: "unigram", Vocab: 8000, HardVocab: true, Coverage: 0.9995,
		Rule: "nmt_nfkc", DummyPrefix: true, CollapseSpaces: true,
		MaxPieceChars: 16, SplitByScript: true, SplitByNumber: true, SplitBySpace: true,
		UnkID: 0, BosID: 1, EosID: 2, PadID: -1, UnkPiece: "<unk>", BosPiece: "<s>", EosPiece: "</s>", PadPiece: "<pad>",
		Seeds: 1_000_000, Shrink: 0.75, SubIterations: 2,
		Sample: 1, MemoryBytes: 2 << 30, Threads: runtime.GOMAXPROCS(0),
	}
}

// Validate names the first setting that is out of range.
func (c *Config) Validate() error {
	within := func(name string, v, low, high float64) error {
		if !(v >= low && v <= high) { // NaN is not within
			number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
			return fmt.Errorf("%s is %s, must be %s to %s", name, number(v), number(low), number(high))
		}
		return nil
	}
	if c.Type != "unigram" && c.Type != "bpe" {
		return fmt.Errorf("type is %q, must be unigram or bpe", c.Type)
	}
	if c.Rules == nil && !slices.Contains(RuleNames, c.Rule) {
		return fmt.Errorf("rule is %q, must be one of %s", c.Rule, strings.Join(RuleNames, ", "))
	}
	for _, v := range []struct {
		name         string
		v, low, high float64
	}{
		{"vocabulary", float64(c.Vocab), 2, 4_000_000},
		{"coverage", c.Coverage, 0.98, 1},
		{"longest piece", float64(c.MaxPieceChars), 1, 512},
		{"seeds", float64(c.Seeds), 1, 16_000_000},
		{"shrinking factor", c.Shrink, 0.5, 0.95},
		{"sub-iterations", float64(c.SubIterations), 1, 10},
		{"longest text", float64(c.MaxTextBytes), 0, 1 << 40},
		{"sample", c.Sample, 1e-9, 1},
		{"memory in MiB", float64(c.MemoryBytes >> 20), minMemory >> 20, maxMemory >> 20},
		{"threads", float64(c.Threads), 1, 1024},
	} {
		if err := within(v.name, v.v, v.low, v.high); err != nil {
			return err
		}
	}
	if !utf8.ValidString(c.RequiredChars) || strings.ContainsAny(c.RequiredChars, "\x00 ") {
		return fmt.Errorf("required characters are %q, must be UTF-8 without spaces (write ▁) and NUL", c.RequiredChars)
	}
	_, err := c.symbols()
	return err
}
