package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTrainedModelsWriteTheirTexts(t *testing.T) {
	all := texts(3000, 1)
	for _, kind := range []string{"unigram", "bpe"} {
		c := small()
		c.Type = kind
		r, m := mustTrain(t, c, all)
		if m.Size() != c.Vocab || r.Stats.Pieces != c.Vocab || r.Stats.Texts != 3000 {
			t.Errorf("%s: %d pieces, stats %+v", kind, m.Size(), r.Stats)
		}
		tokens, chars := 0, 0
		for _, text := range all {
			e := m.Encode(text)
			if slices.Contains(e.IDs, int32(c.UnkID)) {
				t.Fatalf("%s: %q has unknown pieces: %q", kind, text, e.Pieces)
			}
			if got := m.Decode(e.IDs); got != text {
				t.Fatalf("%s: %q comes back as %q", kind, text, got)
			}
			tokens += len(e.IDs)
			chars += len([]rune(text))
		}
		if 2*tokens > chars {
			t.Errorf("%s: %d pieces for %d characters: hardly anything was learnt", kind, tokens, chars)
		}
	}
}

func TestSameModelWithAnyThreadsAndOrder(t *testing.T) {
	all := texts(20000, 2) // several batches
	mixed := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for _, kind := range []string{"unigram", "bpe"} {
		for _, sample := range []float64{1, 0.5} {
			c := small()
			c.Type, c.Threads, c.Sample = kind, 1, sample
			want, _ := mustTrain(t, c, all)
			for _, threads := range []int{1, 2, 4} {
				c.Threads = threads
				got, _ := mustTrain(t, c, mixed)
				if !bytes.Equal(got.Model, want.Model) || got.Stats != want.Stats {
					t.Errorf("%s, %d threads, sample %g: another model: %+v, %+v", kind, threads, sample, got.Stats, want.Stats)
				}
			}
		}
	}
}

func TestSeedDrawsTexts(t *testing.T) {
	c := small()
	c.Sample = 0.3
	a, _ := mustTrain(t, c, texts(3000, 3))
	c.Seed = 1
	b, _ := mustTrain(t, c, texts(3000, 3))
	if a.Stats.Texts == b.Stats.Texts && bytes.Equal(a.Model, b.Model) {
		t.Error("another seed draws the same texts")
	}
	if n := a.Stats.Texts; n < 780 || n > 1020 {
		t.Errorf("%d texts of 3000 drawn at 0.3", n)
	}
}

func TestSymbols(t *testing.T) {
	c := small()
	c.UnkID, c.BosID, c.EosID, c.PadID = 3, 0, 2, 1
	c.Control = []string{"<2de>", "<2fr>"}
	c.UserDefined = []string{"kato", "</s>"}
	c.ByteFallback = true
	c.Vocab = 700
	_, m := mustTrain(t, c, texts(3000, 4))
	got := pieces(m)
	want := []string{"<s>", "<pad>", "</s>", "<unk>", "<2de>", "<2fr>", "kato", "<0x00>", "<0x01>"}
	if !slices.Equal(got[:len(want)], want) || got[262] != "<0xFF>" {
		t.Errorf("pieces begin with %q", got[:len(want)])
	}
	for _, p := range got[263:] {
		if strings.Contains(p, "kato") {
			t.Errorf("piece %q holds a symbol", p)
		}
	}
	if e := m.Encode("mikatomi"); !slices.Contains(e.Pieces, "kato") {
		t.Errorf("%q does not have the symbol", e.Pieces)
	}
	if e := m.Encode("ж"); len(e.IDs) < 2 || slices.Contains(e.IDs, 3) {
		t.Errorf("a character that is not covered is %q", e.Pieces)
	}
}

func TestShapesOfPieces(t *testing.T) {
	all := []string{}
	for _, s := range texts(3000, 5) {
		all = append(all, s+"  x12 ab12 中x 日本の        kato7")
	}
	for _, kind := range []string{"unigram", "bpe"} {
		for _, tt := range []struct {
			name string
			set  func(*Config)
			has  func(string) bool
			want bool
		}{
			{"defaults: no mixed scripts", nil, func(p string) bool { return strings.Contains(p, "中x") }, false},
			{"defaults: kana and han are one", nil, func(p string) bool { return strings.Contains(p, "本の") }, true},
			{"defaults: no digits beside letters", nil, func(p string) bool { return strings.Contains(p, "b1") }, false},
			{"scripts may mix", func(c *Config) { c.SplitByScript = false }, func(p string) bool { return strings.Contains(p, "中x") }, true},
			{"digits beside letters", func(c *Config) { c.SplitByNumber = false }, func(p string) bool { return strings.Contains(p, "b1") }, true},
			{"digits alone", func(c *Config) { c.SplitDigits = true }, func(p string) bool { return strings.ContainsAny(p, "127") && len(p) > 1 && p[0] != '<' }, false},
			{"short pieces", func(c *Config) { c.MaxPieceChars = 3 }, func(p string) bool { return len([]rune(p)) > 3 && p[0] != '<' }, false},
			{"over spaces", func(c *Config) { c.SplitBySpace, c.Vocab = false, 800 }, func(p string) bool { return strings.LastIndex(p, "▁") > 0 }, true},
			{"no space at a piece's end", func(c *Config) { c.SplitBySpace = false }, func(p string) bool { return len(p) > 3 && strings.HasSuffix(p, "▁") }, false},
			{"spaces kept", func(c *Config) { c.CollapseSpaces, c.SpaceOnlyPieces = false, true }, func(p string) bool { return strings.HasPrefix(p, "▁▁") }, true},
			{"no prefix", func(c *Config) { c.DummyPrefix, c.SplitBySpace, c.MaxPieceChars = false, true, 1 }, func(p string) bool { return len([]rune(p)) > 1 && p[0] != '<' }, false},
		} {
			c := small()
			c.Type, c.HardVocab = kind, false
			if tt.set != nil {
				tt.set(&c)
			}
			_, m := mustTrain(t, c, all)
			if got := slices.ContainsFunc(pieces(m), tt.has); got != tt.want {
				t.Errorf("%s, %s: %v; pieces %q", kind, tt.name, got, pieces(m))
			}
		}
	}
}

func TestCoverage(t *testing.T) {
	all := slices.Repeat([]string{"aaaa bbbb", "cccc"}, 100)
	all = append(all, "d", "z€")
	for _, tt := range []struct {
		coverage float64
		required string
		chars    []string
		not      []string
	}{
		{1, "", []string{"a", "b", "c", "d", "€", "z", "▁"}, nil},
		{0.99, "", []string{"a", "b", "c", "▁"}, []string{"d", "€", "z"}},
		{0.99, "€q", []string{"a", "b", "c", "▁", "€", "q"}, []string{"d", "z"}},
	} {
		for _, kind := range []string{"unigram", "bpe"} {
			c := small()
			c.Type, c.Coverage, c.RequiredChars, c.HardVocab = kind, tt.coverage, tt.required, false
			_, m := mustTrain(t, c, all)
			for _, p := range tt.chars {
				if !slices.Contains(pieces(m), p) {
					t.Errorf("%s, coverage %g, required %q: no piece %q", kind, tt.coverage, tt.required, p)
				}
			}
			for _, p := range tt.not {
				if slices.ContainsFunc(pieces(m), func(x string) bool { return strings.Contains(x, p) && x[0] != '<' }) {
					t.Errorf("%s, coverage %g, required %q: pieces with %q", kind, tt.coverage, tt.required, p)
				}
			}
		}
	}
}

func TestNormalizationOfTraining(t *testing.T) {
	c := small()
	c.Rule, c.HardVocab = "nmt_nfkc_cf", false
	_, m := mustTrain(t, c, slices.Repeat([]string{"Ｈｅｌｌｏ　ＷＯＲＬＤ ①", "HELLO\u200bworld Straße"}, 20))
	if got := string(m.Normalized(nil, "ＨELLO\tWorld①")); got != "▁hello▁world1" {
		t.Errorf("the model normalises to %q", got)
	}
	if !slices.Contains(pieces(m), "▁hello") {
		t.Errorf("pieces %q", pieces(m))
	}
	c.Rules, c.Rule = Rules{"l": "LL"}, "mine"
	_, m = mustTrain(t, c, slices.Repeat([]string{"hello"}, 20))
	if got := string(m.Normalized(nil, "hello")); got != "▁heLLLLo" {
		t.Errorf("own rules give %q", got)
	}
}

func TestTextsThatCannotBeTrainedOn(t *testing.T) {
	c := small()
	mustFail(t, c, nil, "there are none")
	mustFail(t, c, []string{"", "  ", "\xff", "a\xc0"}, "of 4 texts 2 are empty, 2 are not UTF-8")
	c.MaxTextBytes = 3
	mustFail(t, c, []string{"abcd"}, "1 are too long")
	c = small()
	mustFail(t, c, []string{"hello world"}, "no more than 11 pieces", "400", "at most 11")
	c.Vocab = 11
	if _, m := mustTrain(t, c, []string{"hello world"}); m.Size() != 11 {
		t.Errorf("%d pieces", m.Size())
	}
	c.Vocab = 6
	mustFail(t, c, []string{"hello world"}, "8 characters", "3 symbols", "at least 11 pieces")
	c = small()
	c.HardVocab = false
	if r, m := mustTrain(t, c, []string{"hello\x00world", "\x00", "\xffbad"}); r.Stats.NotUTF8 != 1 || slices.ContainsFunc(pieces(m), func(p string) bool { return strings.Contains(p, "\x00") }) {
		t.Errorf("%+v, %q", r.Stats, pieces(m))
	}
	c.PadID = 50
	mustFail(t, c, []string{"hello world"}, "a symbol is to have an id behind the 11 pieces")
}

func TestErrorsOfTheSource(t *testing.T) {
	bad := errors.New("the disk is gone")
	var source iter.Seq2[string, error] = func(yield func(string, error) bool) {
		if yield("text", nil) {
			yield("", bad)
		}
	}
	if _, err := Train(context.Background(), small(), source, nil); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Train(ctx, small(), seq(texts(5000, 1)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSettings(t *testing.T) {
	for want, set := range map[string]func(*Config){
		"type is":                          func(c *Config) { c.Type = "word" },
		"rule is":                          func(c *Config) { c.Rule = "NFC" },
		"vocabulary is 1":                  func(c *Config) { c.Vocab = 1 },
		"coverage is 0.5":                  func(c *Config) { c.Coverage = 0.5 },
		"memory in MiB":                    func(c *Config) { c.MemoryBytes = 1 << 20 },
		"sample is 0":                      func(c *Config) { c.Sample = 0 },
		"required characters":              func(c *Config) { c.RequiredChars = "a b" },
		"the id of the unknown piece":      func(c *Config) { c.UnkID = -1 },
		`symbols "<unk>" and "<s>" are bo`: func(c *Config) { c.BosID = 0 },
		`symbol "x" is to be piece`:        func(c *Config) { c.UserDefined = []string{"x", "x"} },
		"must be UTF-8 of 1 to":            func(c *Config) { c.Control = []string{""} },
		"is to be piece 400":               func(c *Config) { c.PadID = 400 },
		"of a vocabulary of 100":           func(c *Config) { c.Vocab, c.ByteFallback = 100, true },
	} {
		c := small()
		set(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	d := Defaults()
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzTrain(f *testing.F) {
	f.Add("hello world\nhello there\nhello", uint8(20), uint8(0))
	f.Add("日本語の文 12a\x00\xff\n▁▁ a  b", uint8(40), uint8(0xff))
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", uint8(9), uint8(0x11))
	f.Add("<s> <unk> kato<0x0A>\u0301\u0301a", uint8(200), uint8(0x2a))
	f.Fuzz(func(t *testing.T, corpus string, vocab, flags uint8) {
		c := small()
		c.HardVocab, c.Vocab, c.Threads, c.Seeds = false, 2+int(vocab), 1, 1000
		on := func(bit int) bool { return flags>>bit&1 == 1 }
		if on(0) {
			c.Type = "bpe"
		}
		c.SplitBySpace, c.SplitByScript, c.SplitByNumber, c.SplitDigits = !on(1), !on(2), !on(3), on(4)
		c.CollapseSpaces, c.SpaceOnlyPieces = !on(5), on(5)
		if on(6) {
			c.UserDefined = []string{"a", "▁b"}
		}
		if on(7) {
			c.MaxPieceChars = 3
		}
		r, err := Train(context.Background(), c, seq(strings.Split(corpus, "\n")), nil)
		if err != nil {
			return
		}
		c.Threads = 3
		again, err := Train(context.Background(), c, seq(strings.Split(corpus, "\n")), nil)
		if err != nil || !bytes.Equal(r.Model, again.Model) {
			t.Fatalf("another model, %v", err)
		}
		z := newShaper(&c)
		_, m := mustTrain(t, c, strings.Split(corpus, "\n"))
		symbols, _ := c.symbols()
		for i, p := range pieces(m) {
			if _, is := symbols[i]; !is && !z.valid([]byte(p)) {
				t.Fatalf("piece %q may not be", p)
			}
		}
	})
}

func ExampleTrain() {
	c := Defaults()
	c.Vocab = 16
	r, err := Train(context.Background(), c, func(yield func(string, error) bool) {
		for range 20 {
			if !yield("a red circle", nil) || !yield("a red square", nil) {
				return
			}
		}
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Stats.Texts, "texts,", r.Stats.Pieces, "pieces")
	// Output: 40 texts, 16 pieces
}
