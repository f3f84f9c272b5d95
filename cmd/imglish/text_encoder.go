package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/imglish/imglish/sentencepiece"
)

// textEncoder encodes lines as the flags say.
type textEncoder struct {
	o        *textEncodeOptions
	t        encoder
	m        *sentencepiece.Model // nil for a tokenizer.json
	bos, eos int32                // -1: not wanted
	ids      []int32
}

// prepare refuses what the tokenizer cannot do.
func (w *textEncoder) prepare() error {
	o := w.o
	if w.m == nil {
		if o.nbest > 0 || o.sample || o.bos || o.eos {
			return usageError{errors.New("--nbest, --sample, --bos and --eos are for a SentencePiece .model")}
		}
		return nil
	}
	info := w.m.Info()
	if o.nbest > 0 && info.Type != sentencepiece.Unigram {
		return usageError{fmt.Errorf("--nbest needs a unigram model, %s is a %v model", o.model, info.Type)}
	}
	if o.sample && info.Type != sentencepiece.Unigram && info.Type != sentencepiece.BPE {
		return usageError{fmt.Errorf("--sample needs a unigram or bpe model, %s is a %v model", o.model, info.Type)}
	}
	if o.bos {
		if w.bos = info.BOS; w.bos < 0 {
			return usageError{fmt.Errorf("--bos: %s has no piece for the beginning of a text", o.model)}
		}
	}
	if o.eos {
		if w.eos = info.EOS; w.eos < 0 {
			return usageError{fmt.Errorf("--eos: %s has no piece for the end of a text", o.model)}
		}
	}
	return nil
}

func (w *textEncoder) line(dst []byte, l textLine) ([]byte, textCount, error) {
	text, err := textOf(l.text, w.o.jsonl)
	if err != nil {
		return dst, textCount{}, err
	}
	dst, tokens, err := w.encode(dst, text, l.index)
	return dst, textCount{len(text), tokens}, err
}

// encode appends the output for a text, and says how many ids it has. index is that of the text among all.
func (w *textEncoder) encode(dst []byte, text string, index uint64) ([]byte, int, error) {
	if w.o.nbest > 0 && !w.o.sample {
		return w.best(dst, text)
	}
	if w.o.format == "ids" && !w.o.sample {
		ids := w.quick(text)
		if len(ids) == 0 {
			if err := w.failure(text); err != nil {
				return dst, 0, err
			}
		}
		return append(appendIDs(dst, ids), '\n'), len(ids), nil
	}
	var e sentencepiece.Encoding
	var err error
	if w.o.sample {
		// A generator a line, so that neither threads nor lines before it change what is drawn.
		rng := rand.New(rand.NewPCG(w.o.seed, index))
		if w.o.nbest > 0 {
			e, err = w.m.SampleNBest(text, w.o.nbest, w.o.alpha, rng)
		} else {
			e, err = w.m.Sample(text, w.o.alpha, rng)
		}
		if err != nil {
			return dst, 0, err
		}
	} else {
		e = w.t.Encode(text)
		if len(e.IDs) == 0 {
			if err := w.failure(text); err != nil {
				return dst, 0, err
			}
		}
	}
	w.dress(&e, len(text))
	switch w.o.format {
	case "ids":
		dst = append(appendIDs(dst, e.IDs), '\n')
	case "pieces":
		dst = append(appendPieces(dst, e.Pieces), '\n')
	default:
		dst, err = appendJSON(dst, encodedOf(e))
	}
	return dst, len(e.IDs), err
}

// failure says whether a text has no ids because the tokenizer failed.
func (w *textEncoder) failure(text string) error {
	if t, ok := w.t.(interface{ Check(text string) error }); ok {
		return t.Check(text)
	}
	return nil
}

// quick makes ids alone, which is faster.
func (w *textEncoder) quick(text string) []int32 {
	ids := w.ids[:0]
	switch {
	case w.o.ids == "xlmr":
		ids = w.m.AppendIDs(append(ids, w.m.Special().BOS), text)
		if w.o.reverse {
			slices.Reverse(ids[1:])
		}
		ids = append(ids, w.m.Special().EOS)
	case w.m == nil:
		ids = w.t.AppendIDs(ids, text)
		if w.o.reverse {
			slices.Reverse(ids)
		}
	default:
		if w.bos >= 0 {
			ids = append(ids, w.bos)
		}
		from := len(ids)
		ids = w.m.AppendRaw(ids, text)
		if w.o.reverse {
			slices.Reverse(ids[from:])
		}
		if w.eos >= 0 {
			ids = append(ids, w.eos)
		}
	}
	w.ids = ids
	return ids
}

// best prints the n best segmentations.
func (w *textEncoder) best(dst []byte, text string) ([]byte, int, error) {
	all, err := w.m.NBest(text, w.o.nbest)
	if err != nil {
		return dst, 0, err
	}
	type scored struct {
		Score float32 `json:"score"`
		encoded
	}
	var list []scored
	for _, b := range all {
		w.dress(&b.Encoding, len(text))
		switch w.o.format {
		case "json":
			list = append(list, scored{b.Score, encodedOf(b.Encoding)})
			continue
		case "ids":
			dst = appendIDs(append(strconv.AppendFloat(dst, float64(b.Score), 'g', -1, 32), '\t'), b.IDs)
		case "pieces":
			dst = appendPieces(append(strconv.AppendFloat(dst, float64(b.Score), 'g', -1, 32), '\t'), b.Pieces)
		}
		dst = append(dst, '\n')
	}
	if w.o.format == "json" {
		dst, err = appendJSON(dst, struct {
			NBest []scored `json:"nbest"`
		}{list})
	}
	return dst, len(all[0].IDs), err
}

// dress turns a segmentation of raw ids into what was asked for: reversed, numbered, with the ends of the text.
func (w *textEncoder) dress(e *sentencepiece.Encoding, size int) {
	if w.o.reverse {
		slices.Reverse(e.IDs)
		slices.Reverse(e.Pieces)
		slices.Reverse(e.Spans)
	}
	if w.o.ids == "xlmr" {
		s := w.m.Special()
		ids := []int32{s.BOS}
		for _, raw := range e.IDs {
			ids = append(ids, w.m.ID(raw))
		}
		e.IDs = append(ids, s.EOS)
		return
	}
	if w.bos >= 0 {
		e.IDs = slices.Insert(e.IDs, 0, w.bos)
		e.Pieces = slices.Insert(e.Pieces, 0, w.m.Piece(w.bos))
		e.Spans = slices.Insert(e.Spans, 0, [2]int{0, 0})
	}
	if w.eos >= 0 {
		e.IDs = append(e.IDs, w.eos)
		e.Pieces = append(e.Pieces, w.m.Piece(w.eos))
		e.Spans = append(e.Spans, [2]int{size, size})
	}
}

// encoded is an Encoding in JSON, whose lists are never null.
type encoded struct {
	IDs    []int32  `json:"ids"`
	Pieces []string `json:"pieces"`
	Spans  [][2]int `json:"spans"`
}

func encodedOf(e sentencepiece.Encoding) encoded {
	return encoded{append([]int32{}, e.IDs...), append([]string{}, e.Pieces...), append([][2]int{}, e.Spans...)}
}

func appendIDs(dst []byte, ids []int32) []byte {
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(dst, int64(id), 10)
	}
	return dst
}

func appendPieces(dst []byte, pieces []string) []byte {
	for i, p := range pieces {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, p...)
	}
	return dst
}

// appendJSON is printJSON into a buffer.
func appendJSON(dst []byte, v any) ([]byte, error) {
	b := appender{dst}
	err := printJSON(&b, v)
	return b.buf, err
}

type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
