package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// small are the models of testdata/kinds: the kinds above with a few hundred pieces.
var small = []trained{
	{"word", "prose", "--model_type=word --normalization_rule_name=identity --vocab_size=400"},
	{"word_bytes", "prose", "--model_type=word --vocab_size=500 --byte_fallback --user_defined_symbols=<sep>,ab" + whitespaceKept},
	{"char", "prose", "--model_type=char --normalization_rule_name=identity --vocab_size=90"},
	{"char_symbols", "prose", "--model_type=char --normalization_rule_name=identity --vocab_size=400 --byte_fallback" + symbols},
	{"uni_rules", "prose", "--model_type=unigram --vocab_size=300 --normalization_rule_tsv=RULES --denormalization_rule_tsv=RULES"},
	{"uni_t5", "prose", "--model_type=unigram --normalization_rule_name=identity --vocab_size=300 --pad_id=0 --eos_id=1 --unk_id=2 --bos_id=-1"},
	{"uni_symbols", "prose", "--model_type=unigram --normalization_rule_name=identity --vocab_size=600 --byte_fallback --control_symbols=<ctl>" + symbols},
	{"bpe_gemma", "prose", "--model_type=bpe --vocab_size=800 --byte_fallback --split_digits --allow_whitespace_only_pieces --add_dummy_prefix=false --pad_id=0 --eos_id=1 --bos_id=2 --unk_id=3 --user_defined_symbols=GEMMA" + whitespaceKept},
	{"bpe", "prose", "--model_type=bpe --normalization_rule_name=identity --vocab_size=400"},
	{"uni_nfkc_cf", "prose", "--model_type=unigram --vocab_size=300 --normalization_rule_name=nmt_nfkc_cf"},
}

var smallEdits = []edited{
	{"uni_unescaped", "uni_symbols", appended(message(nil, 3, setting(nil, 5, 0)))},
	{"uni_ties", "uni_t5", eachPiece(func(p *pieceField, _ int, _ *rand.Rand) { p.score = -1 })},
	{"uni_no_unknown", "uni_symbols", withoutUnknown},
	{"bpe_any_scores", "bpe", shuffled(anyScore)},
	{"bpe_unused", "bpe", eachPiece(markUnused)},
	{"word_unused", "word", eachPiece(markUnused)},
}

// golden is a line of a file of testdata/kinds. Of a text that is repeated many times it holds hashes.
type golden struct {
	Text    []byte        `json:"text"`
	Times   int           `json:"times,omitempty"`
	SHA256  string        `json:"sha256,omitempty"` // of the ids as JSON
	IDs     []int32       `json:"ids,omitempty"`
	Pieces  []string      `json:"pieces,omitempty"`
	Spans   [][2]int      `json:"spans,omitempty"`
	Normal  []byte        `json:"normal,omitempty"`
	Decoded []byte        `json:"decoded,omitempty"`
	Spelled []byte        `json:"spelled,omitempty"`
	NBest   []goldenScore `json:"nbest,omitempty"`
}

type goldenScore struct {
	Score float32 `json:"score"`
	IDs   []int32 `json:"ids"`
}

const (
	goldenLines = 40
	goldenBytes = 70 // the longest text
	goldenNBest = 5
	// A text of goldenBase bytes, so many times, is long enough for the scores of a path to be moved back, and varied
	// enough for their rounding to decide somewhere.
	goldenBase  = 4000
	goldenTimes = 80
)

// writeGolden trains the small models and writes them and what the original makes of some texts into a folder.
func writeGolden(o options, program string, c *corpus, say func(string, ...any)) error {
	work := filepath.Join(o.lib, "golden")
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	models, err := makeModels(o.lib, work, c, small, smallEdits, say)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.golden, 0o777); err != nil {
		return err
	}
	for i, m := range models {
		data, err := os.ReadFile(m.path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.golden, m.name+".model"), plainPaths(data), 0o666); err != nil {
			return err
		}
		if err := writeGoldenLines(filepath.Join(o.golden, m.name+".jsonl"), program, m, c, uint64(i)); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// plainPaths takes the trainer's paths, which are of this machine, out of a model: they are the first fields of the
// trainer's settings.
func plainPaths(data []byte) []byte {
	pieces, rest := take(data)
	return put(pieces, withoutField(rest, 2, 1, 2))
}

func writeGoldenLines(path, program string, m model, c *corpus, seed uint64) error {
	pieces, err := piecesOf(m.path)
	if err != nil {
		return err
	}
	g := newGenerator(c, pieces, seed)
	var texts []golden
	for len(texts) < goldenLines {
		if l := g.line(); l.kind != "random characters" && len(l.text) <= goldenBytes || len(l.text) > 200 && len(texts) < 4 {
			texts = append(texts, golden{Text: []byte(cut(l.text, goldenBytes))})
		}
	}
	var base strings.Builder
	for base.Len() < goldenBase {
		base.WriteString(g.sentence() + " ")
	}
	texts = append(texts, golden{Text: []byte(base.String()), Times: goldenTimes})
	orig, err := startOriginal(program, m.path)
	if err != nil {
		return err
	}
	for _, t := range texts {
		if err := orig.send(strings.Repeat(string(t.Text), max(1, t.Times))); err != nil {
			return err
		}
	}
	if err := orig.done(); err != nil {
		return err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i, t := range texts {
		a, err := orig.answer()
		if err != nil {
			return err
		}
		if a.Err != "" {
			return fmt.Errorf("the original refuses %q: %s", t.Text, a.Err)
		}
		if t.Times > 0 {
			ids, err := json.Marshal(a.IDs)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(ids)
			t.SHA256 = hex.EncodeToString(sum[:])
		} else {
			if !utf8.ValidString(strings.Join(a.Pieces, "")) {
				continue // JSON could not hold it
			}
			t.IDs, t.Spans, t.Pieces = a.IDs, a.Spans, a.Pieces
			t.Normal, t.Decoded, t.Spelled = []byte(a.Normal), []byte(a.Decoded), []byte(a.Spelled)
			for j := 0; j < min(len(a.NBest), goldenNBest) && i < 15; j++ {
				t.NBest = append(t.NBest, goldenScore(a.NBest[j]))
			}
		}
		if err := enc.Encode(t); err != nil {
			return err
		}
	}
	if err := orig.cmd.Wait(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o666)
}
