package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imglish/imglish/sentencepiece"
)

// Progress is told how far training is: what is counted, how many are done, of how many (0: not known), and a remark.
type Progress func(what string, done, total int64, note string)

// Result is a trained model.
type Result struct {
	Model []byte // the content of a .model
	Stats Stats
}

// ErrCorpus is wrapped by errors about the texts: none, or none that the settings can be met with.
var ErrCorpus = errors.New("cannot train on these texts")

// Train makes a model of texts, which it reads once. progress may be nil.
func Train(ctx context.Context, cfg Config, texts iter.Seq2[string, error], progress Progress) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64, int64, string) {}
	}
	symbols, err := cfg.symbols()
	if err != nil {
		return nil, err
	}
	draft, norm, err := cfg.normalizer(symbols)
	if err != nil {
		return nil, err
	}
	room := cfg.room()
	c, err := read(ctx, &cfg, norm, symbolsByByte(symbols), room.counts, texts, progress)
	if err != nil {
		return nil, err
	}
	defer c.counts.close()
	stats := c.stats
	if stats.Texts == 0 {
		return nil, fmt.Errorf("%w: %s", ErrCorpus, stats.why())
	}
	chars, seen := coveredChars(&cfg, &c.chars)
	chars = withoutSymbols(chars, symbols)
	stats.Chars, stats.CharsSeen = len(chars), seen
	if need := len(symbols) + len(chars); need > cfg.Vocab {
		return nil, fmt.Errorf("%w: %d characters are to be covered and there are %d symbols, more than the vocabulary of %d: ask for at least %d pieces or for less coverage",
			ErrCorpus, len(chars), len(symbols), cfg.Vocab, need)
	}
	w, err := wordsOf(ctx, &cfg, c, chars, room, &stats)
	if err != nil {
		return nil, err
	}
	want := cfg.Vocab - len(symbols)
	var pieces []scored
	if cfg.Type == "bpe" {
		pieces, err = bpe(ctx, &cfg, w, chars, want, progress)
	} else {
		stats.Seeds = room.seeds
		pieces, err = unigram(ctx, &cfg, w, chars, want, room.seeds, progress)
	}
	if err != nil {
		return nil, err
	}
	if len(pieces) < want && cfg.HardVocab {
		most := len(symbols) + len(pieces)
		err := fmt.Errorf("%w: they have no more than %d pieces, fewer than the vocabulary of %d: ask for at most %d, allow fewer, or give more texts",
			ErrCorpus, most, cfg.Vocab, most)
		if stats.leftOut() > stats.Empty {
			err = fmt.Errorf("%w; %s", err, stats.why())
		}
		return nil, err
	}
	draft.Pieces, err = assemble(symbols, pieces)
	if err != nil {
		return nil, err
	}
	stats.Pieces = len(draft.Pieces)
	draft.Training = cfg.training(len(draft.Pieces))
	data := draft.Marshal()
	if _, err := sentencepiece.Parse(data); err != nil {
		return nil, fmt.Errorf("the trained model: %w", err)
	}
	return &Result{Model: data, Stats: stats}, nil
}

// wordsOf collects the words.
func wordsOf(ctx context.Context, cfg *Config, c *corpus, chars []charCount, room room, stats *Stats) (*words, error) {
	covered := make(map[rune]bool, len(chars))
	for _, x := range chars {
		covered[x.char] = true
	}
	w, err := collect(ctx, cfg, &c.counts, func(r rune) bool { return covered[r] }, room.charBytes, room.words)
	if err != nil {
		return nil, err
	}
	stats.Words, stats.Kept, stats.Thinned, stats.Spills = w.seen, int64(w.len()), w.thin, len(c.counts.runs)
	return w, nil
}

// why says why there is nothing to train on, or little.
func (s *Stats) why() string {
	if n := s.leftOut(); n > 0 {
		return fmt.Sprintf("of %d texts %d are empty, %d are not UTF-8, %d are too long and %d were not drawn",
			s.Texts+n, s.Empty, s.NotUTF8, s.TooLong, s.LeftOut)
	}
	return "there are none"
}

// leftOut is how many texts were not trained on.
func (s *Stats) leftOut() int64 { return s.LeftOut + s.TooLong + s.NotUTF8 + s.Empty }

// room is how the memory is shared out.
type room struct {
	counts    int64 // bytes for the tables while texts are read
	words     int64 // bytes for words with what training needs of them
	charBytes int   // of these, for each character
	seeds     int
}

// fixedBytes is what training takes however little there is to train on: the program, the rules while they are made, and
// the texts that are being read.
const fixedBytes = 72 << 20

func (c *Config) room() room {
	rest := c.MemoryBytes - fixedBytes // of which a part is left for what the collector has not freed yet
	r := room{counts: rest / 4, words: rest / 3, charBytes: suffixBytes}
	if c.Type == "bpe" {
		r.charBytes = bpePerChar
		return r
	}
	r.seeds = min(c.Seeds, int(min(rest/4/seedBytes, maxPieces/2)))
	return r
}

// normalizer is a model with hardly a piece that normalises texts, and its draft.
func (c *Config) normalizer(symbols map[int]sentencepiece.DraftPiece) (*sentencepiece.Draft, *sentencepiece.Model, error) {
	compiled, err := compiledRules(c)
	if err != nil {
		return nil, nil, err
	}
	d := &sentencepiece.Draft{RuleName: c.Rule, Rules: compiled, DummyPrefix: c.DummyPrefix, CollapseSpaces: c.CollapseSpaces}
	longest := 0
	for _, p := range symbols {
		if p.Kind == sentencepiece.Unknown || p.Kind == sentencepiece.UserDefined {
			d.Pieces = append(d.Pieces, p)
			longest = max(longest, len(p.Text))
		}
	}
	// A model has a piece. Which one does not matter for normalising; this is none of the symbols.
	d.Pieces = append(d.Pieces, sentencepiece.DraftPiece{Text: strings.Repeat("▁", longest/3+1), Kind: sentencepiece.Normal})
	m, err := sentencepiece.Parse(d.Marshal())
	if err != nil {
		return nil, nil, fmt.Errorf("normalisation: %w", err)
	}
	return d, m, nil
}

// made are the compiled rules of each name: they take most of a second to make.
var made sync.Map

func compiledRules(c *Config) ([]byte, error) {
	if c.Rules != nil {
		return c.Rules.Compile()
	}
	if done, ok := made.Load(c.Rule); ok {
		return done.([]byte), nil
	}
	rules, err := RulesOf(c.Rule)
	if err != nil {
		return nil, err
	}
	compiled, err := rules.Compile()
	if err == nil {
		made.Store(c.Rule, compiled)
	}
	return compiled, err
}

// withoutSymbols leaves out characters that are symbols already.
func withoutSymbols(chars []charCount, symbols map[int]sentencepiece.DraftPiece) (others []charCount) {
	are := map[string]bool{}
	for _, p := range symbols {
		are[p.Text] = true
	}
	for _, c := range chars {
		if !are[string(c.char)] {
			others = append(others, c)
		}
	}
	return others
}

// assemble numbers the pieces around the symbols.
func assemble(symbols map[int]sentencepiece.DraftPiece, trained []scored) ([]sentencepiece.DraftPiece, error) {
	var all []sentencepiece.DraftPiece
	for left := len(symbols); left > 0 || len(trained) > 0; {
		if p, ok := symbols[len(all)]; ok {
			all = append(all, p)
			left--
			continue
		}
		if len(trained) == 0 {
			return nil, fmt.Errorf("%w: a symbol is to have an id behind the %d pieces that there are", ErrCorpus, len(all))
		}
		all = append(all, sentencepiece.DraftPiece{Text: trained[0].text, Score: float32(trained[0].score), Kind: sentencepiece.Normal})
		trained = trained[1:]
	}
	return all, nil
}

// training are the settings in the form of the message TrainerSpec; threads, memory and files are not in it, as the
// model does not depend on them.
func (c *Config) training(size int) (b []byte) {
	number := func(field protowire.Number, v int) {
		b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(int64(v)))
	}
	flag := func(field protowire.Number, v bool) { number(field, int(protowire.EncodeBool(v))) }
	float := func(field protowire.Number, v float64) {
		b = protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), math.Float32bits(float32(v)))
	}
	text := func(field protowire.Number, v string) {
		b = protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	number(3, map[string]int{"unigram": 1, "bpe": 2}[c.Type])
	number(4, size)
	float(10, c.Coverage)
	number(14, c.Seeds)
	float(15, c.Shrink)
	number(17, c.SubIterations)
	if c.MaxTextBytes > 0 {
		number(18, min(c.MaxTextBytes, math.MaxInt32))
	}
	number(20, c.MaxPieceChars)
	flag(21, c.SplitByScript)
	flag(22, c.SplitBySpace)
	flag(23, c.SplitByNumber)
	flag(25, c.SplitDigits)
	flag(26, c.SpaceOnlyPieces)
	for _, s := range c.Control {
		text(30, s)
	}
	for _, s := range c.UserDefined {
		text(31, s)
	}
	flag(33, c.HardVocab)
	flag(35, c.ByteFallback)
	if c.RequiredChars != "" {
		text(36, c.RequiredChars)
	}
	number(40, c.UnkID)
	number(41, c.BosID)
	number(42, c.EosID)
	number(43, c.PadID)
	text(45, c.UnkPiece)
	text(46, c.BosPiece)
	text(47, c.EosPiece)
	text(48, c.PadPiece)
	return b
}
