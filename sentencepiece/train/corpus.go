package train

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/imglish/imglish/sentencepiece"
)

const (
	// batchBytes is how much text a thread takes at once. Counting a batch by itself first makes the shared tables seldom
	// touched.
	batchBytes    = 1 << 20
	maxTextLength = 1 << 30 // bytes of one text
	// maxWordBytes bounds a word: text without spaces is cut after so many bytes.
	maxWordBytes = 1024
)

// Stats says what training has read and made.
type Stats struct {
	Texts     int64 `json:"texts"`      // counted
	Bytes     int64 `json:"bytes"`      // of these
	LeftOut   int64 `json:"left_out"`   // by Sample
	TooLong   int64 `json:"too_long"`   // longer than MaxTextBytes
	NotUTF8   int64 `json:"not_utf8"`   // not UTF-8
	Empty     int64 `json:"empty"`      // nothing, or nothing but spaces
	Words     int64 `json:"words"`      // different ones that were counted
	Kept      int64 `json:"kept"`       // that were trained on
	Thinned   int64 `json:"thinned"`    // words that are rarer were drawn at count/Thinned; 1: all were kept
	Spills    int   `json:"spills"`     // times that counts were written to a file
	Chars     int   `json:"chars"`      // characters that are covered
	CharsSeen int   `json:"chars_seen"` // different characters of the texts
	Seeds     int   `json:"seeds"`      // Unigram: candidates that the memory allowed
	Pieces    int   `json:"pieces"`
}

func (s *Stats) add(o *Stats) {
	s.Texts += o.Texts
	s.Bytes += o.Bytes
	s.LeftOut += o.LeftOut
	s.TooLong += o.TooLong
	s.NotUTF8 += o.NotUTF8
	s.Empty += o.Empty
}

// corpus is what is kept of the texts.
type corpus struct {
	counts counts
	chars  charCounts
	stats  Stats
}

// charCounts counts characters, page by page, as most pages of Unicode do not occur.
type charCounts [(1 << 21) / 256]*[256]int64

func (c *charCounts) add(r rune, n int64) {
	p := &c[r>>8]
	if *p == nil {
		*p = new([256]int64)
	}
	(*p)[r&255] += n
}

func (c *charCounts) each(f func(r rune, n int64)) {
	for i, p := range c {
		if p == nil {
			continue
		}
		for j, n := range p {
			if n > 0 {
				f(rune(i<<8|j), n)
			}
		}
	}
}

// reader turns texts into words. One goroutine has it.
type reader struct {
	cfg     *Config
	norm    *sentencepiece.Model
	shaper  *shaper
	symbols *[256][]string // by first byte, the longest first
	text    []byte
	batch   table
	order   [nTables][]uint32
	chars   charCounts
	stats   Stats
}

// symbolsByByte sorts the symbols at which texts are cut.
func symbolsByByte(byID map[int]sentencepiece.DraftPiece) *[256][]string {
	var all [256][]string
	for _, p := range byID {
		all[p.Text[0]] = append(all[p.Text[0]], p.Text)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	return &all
}

// drawn says whether something with this hash is among a share of all.
func drawn(hash, seed uint64, share float64) bool {
	return float64(mix(hash^mix(seed))>>11)/(1<<53) < share
}

// mix spreads the bits of a number over all others (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// take counts the words of a text.
func (r *reader) take(text string) {
	switch {
	case r.cfg.MaxTextBytes > 0 && len(text) > r.cfg.MaxTextBytes:
		r.stats.TooLong++
		return
	case !utf8.ValidString(text):
		r.stats.NotUTF8++
		return
	case r.cfg.Sample < 1 && !drawn(xxhash.Sum64String(text), r.cfg.Seed, r.cfg.Sample):
		r.stats.LeftOut++
		return
	}
	r.text = r.norm.Normalized(r.text, text)
	if len(r.text) == 0 {
		r.stats.Empty++
		return
	}
	r.stats.Texts++
	r.stats.Bytes += int64(len(text))
	r.cut(r.text)
}

// cut counts the words of a normalised text: what lies between the places over which no piece can reach.
func (r *reader) cut(text []byte) {
	from := 0
	end := func(at int) {
		if at > from {
			r.batch.add(text[from:at], hashOf(text[from:at]), 1)
		}
	}
	before := rune(-1)
	for at := 0; at < len(text); {
		if n := r.symbol(text[at:]); n > 0 {
			end(at)
			at += n
			from, before = at, -1
			continue
		}
		c, n := rune(text[at]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRune(text[at:])
		}
		if c == 0 { // no piece has it
			end(at)
			at++
			from, before = at, -1
			continue
		}
		if before >= 0 && (r.shaper.parts(before, c) || at-from+n > maxWordBytes) {
			end(at)
			from = at
		}
		at += n
		before = c
	}
	end(len(text))
}

// symbol is the length of the symbol that text starts with, 0 if it starts with none.
func (r *reader) symbol(text []byte) int {
	for _, s := range r.symbols[text[0]] {
		if len(text) >= len(s) && string(text[:len(s)]) == s {
			return len(s)
		}
	}
	return 0
}

// flush hands the batch's counts over.
func (r *reader) flush(ctx context.Context, to *counts) error {
	for i := range r.batch.entries {
		e := &r.batch.entries[i]
		for word := r.batch.word(e); len(word) > 0; {
			c, n := utf8.DecodeRune(word)
			r.chars.add(c, e.count)
			word = word[n:]
		}
	}
	err := to.add(ctx, &r.batch, &r.order)
	r.batch.reset()
	return err
}

// read counts the words of all texts.
func read(ctx context.Context, cfg *Config, norm *sentencepiece.Model, symbols *[256][]string, limit int64,
	texts iter.Seq2[string, error], progress Progress) (*corpus, error) {
	c := &corpus{counts: counts{limit: limit, scratch: cfg.Scratch}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []string, 1)
	var wait sync.WaitGroup
	readers := make([]*reader, cfg.Threads)
	shaper := newShaper(cfg)
	for i := range readers {
		r := &reader{cfg: cfg, norm: norm, shaper: shaper, symbols: symbols}
		readers[i] = r
		wait.Go(func() {
			for batch := range batches {
				if ctx.Err() != nil {
					continue
				}
				for _, text := range batch {
					r.take(text)
				}
				if err := r.flush(ctx, &c.counts); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := eachBatch(ctx, texts, progress, func(b []string) { batches <- b })
	close(batches)
	wait.Wait()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	if err != nil {
		c.counts.close()
		return nil, err
	}
	for _, r := range readers {
		c.stats.add(&r.stats)
		r.chars.each(c.chars.add)
	}
	return c, nil
}

// eachBatch gathers texts.
func eachBatch(ctx context.Context, texts iter.Seq2[string, error], progress Progress, f func([]string)) error {
	var batch []string
	var size int
	var done int64
	for text, err := range texts {
		if err != nil {
			return err
		}
		if len(text) > maxTextLength {
			return fmt.Errorf("a text of %d bytes is too long to train on", len(text))
		}
		batch = append(batch, text)
		size += len(text)
		if size >= batchBytes {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f(batch)
			done += int64(size)
			batch, size = nil, 0
			progress("bytes read", done, 0, "")
		}
	}
	if len(batch) > 0 {
		f(batch)
	}
	return ctx.Err()
}
