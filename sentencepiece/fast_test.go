package sentencepiece

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// sameWith holds the fast way to the plain one.
func sameWith(t *testing.T, m *Model, r *reader, text string) []int32 {
	t.Helper()
	plain := m.appendPlain(new(scratch), []int32{-7}, text, nil)
	ids, ok := m.fast.appendIDs([]int32{-7}, text, nil, r)
	if ok && !slices.Equal(ids, plain) {
		at := 0
		for at < min(len(ids), len(plain)) && ids[at] == plain[at] {
			at++
		}
		t.Fatalf("%.300q, from id %d on:\nfast  %v\nplain %v", text, at, ids[at:min(len(ids), at+50)], plain[at:min(len(plain), at+50)])
	}
	return plain[1:]
}

func testModels(tb testing.TB) map[string]*Model {
	tb.Helper()
	paths, err := filepath.Glob("testdata/variants/*.model")
	if err != nil {
		tb.Fatal(err)
	}
	models := map[string]*Model{}
	for _, path := range append(paths, "testdata/uni8k.model", "testdata/uni8k_bf.model", "testdata/bpe4k.model") {
		m, err := Load(path)
		if err != nil {
			tb.Fatal(err)
		}
		if m.fast == nil && m.norm.escapeSpaces && m.lookup == nil {
			tb.Errorf("%s has no fast way", path)
		}
		if m.fast != nil {
			models[filepath.Base(path)] = m
		}
	}
	if len(models) < 8 {
		tb.Fatalf("only %d models have a fast way", len(models))
	}
	return models
}

// Every character, alone, before and behind others that rules join it with.
func TestFastOnAllCharacters(t *testing.T) {
	for name, m := range testModels(t) {
		t.Run(name, func(t *testing.T) {
			var r reader
			step := rune(1)
			if testing.Short() {
				step = 7
			}
			var text strings.Builder
			for c := rune(0); c <= utf8.MaxRune; c += step {
				if c >= 0x30000 && c < 0xe0000 || c >= 0xe0200 {
					c += 63 * step // planes without rules
				}
				text.WriteRune(c)
				text.WriteString("a")
				text.WriteRune(c)
				text.WriteRune(0)
				text.WriteRune(c)
				text.WriteString(" ")
				text.WriteRune(c)
				text.WriteString("\u0301\u3099")
				if text.Len() > 2000 {
					sameWith(t, m, &r, text.String())
					text.Reset()
				}
			}
			sameWith(t, m, &r, text.String())
		})
	}
}

// texter makes texts of what is hard: spaces of all kinds, marks that join, invalid bytes, words of the vocabulary,
// and ordinary sentences.
type texter struct {
	*rand.Rand
	words []string
}

func newTexter(m *Model, seed uint64) *texter {
	x := &texter{Rand: rand.New(rand.NewPCG(seed, 1))}
	x.words = strings.Fields("Call me Ishmael. Some years ago, never mind how long precisely, having little or no money " +
		"in my purse, and nothing particular to interest me on shore, (I thought) I'd sail about: a/b_c-d 3.14 x=y;")
	for _, s := range []string{" ", "  ", "\t", "\n", "\u3000", "\u00a0", space, "\u0301", "\u3099", "\x00", "\x01", "\x7f",
		"\xff", "\xe2\x96", "\xc3", "é", "e\u0301", "ﬁ", "①", "か", "각", "👩\u200d", "日本語", "word", "的", "<unk>"} {
		x.words = append(x.words, s, s)
	}
	for range 300 {
		x.words = append(x.words, strings.ReplaceAll(m.Piece(int32(x.IntN(m.Size()))), space, " "))
	}
	return x
}

func (x *texter) text(words int) string {
	var s strings.Builder
	sentence := x.IntN(2) == 0
	for range words {
		if sentence && x.IntN(8) > 0 {
			s.WriteString(x.words[x.IntN(30)] + " ")
		} else {
			s.WriteString(x.words[x.IntN(len(x.words))])
		}
	}
	return s.String()
}

func TestFastOnMixedTexts(t *testing.T) {
	for name, m := range testModels(t) {
		t.Run(name, func(t *testing.T) {
			x := newTexter(m, 5)
			var r reader
			for i := range 4000 {
				sameWith(t, m, &r, x.text(1+i%40))
			}
			for range 4 { // over the reset of scores, and over more ids than a reader holds
				sameWith(t, m, &r, x.text(20_000))
			}
			if n := len(r.cache.buckets); n <= minCached/2 {
				t.Errorf("the cache did not grow: %d buckets", n)
			}
		})
	}
}

// made is a model with just these pieces, whose normaliser leaves texts as they are but for spaces.
func made(tb testing.TB, kind Type, dummyPrefix bool, pieces []piece) *Model {
	tb.Helper()
	m, err := newModel(&file{
		pieces:     append([]piece{{"<unk>", 0, kindUnknown}}, pieces...),
		trainer:    trainerSettings{model: kind},
		normalizer: normalizerSettings{escapeSpaces: true, dummyPrefix: dummyPrefix},
	})
	if err != nil {
		tb.Fatal(err)
	}
	if m.fast == nil {
		tb.Fatal("no fast way")
	}
	return m
}

// The cut of a word depends on the score before it where its best two paths are close. The reference must show that,
// or this test proves nothing; and the fast way must do the same.
func TestFastWhereRoundingDecides(t *testing.T) {
	for _, gap := range []float32{0, 1e-6, 1e-4, 1e-3, 4e-3} {
		t.Run(fmt.Sprint(gap), func(t *testing.T) {
			m := made(t, Unigram, false, []piece{
				{space + "a", -3.1234567, kindNormal}, {"b", -2.7654321, kindNormal}, {space, -1.111111, kindNormal},
				{"ab", -4.777777 - gap, kindNormal}, {"c", -7.7, kindNormal}, {space + "c", -8.123, kindNormal},
			})
			text := strings.Repeat(" ab c cc", 20_000)
			var r reader
			ids := sameWith(t, m, &r, text)
			cuts := map[int32]int{}
			for i := 1; i < len(ids); i++ {
				if m.Piece(ids[i]) == "b" || m.Piece(ids[i]) == "ab" {
					cuts[ids[i]]++
				}
			}
			if len(cuts) != 2 && gap > 0 && gap < 4e-3 {
				t.Errorf("the reference always cuts the same way: %v", cuts)
			}
		})
	}
}

// Random vocabularies of few letters and few different scores, so that ties and near ties are everywhere, with and
// without pieces over spaces.
func TestFastOnRandomVocabularies(t *testing.T) {
	for seed := range uint64(300) {
		x := rand.New(rand.NewPCG(seed, 9))
		letters := []string{"a", "b", "c", space, "é", "日"}[:2+x.IntN(5)]
		if seed%4 == 3 { // characters that differ in one byte, and one of four bytes
			letters = []string{"\u65e5", "\u75e5", "\u6625", "\u65e6", "\u75e6", space, "a", "\U000265e5"}[:3+x.IntN(6)]
		}
		var normal, mixed []piece
		seen := map[string]bool{}
		for range 5 + x.IntN(60) {
			var s strings.Builder
			for range 1 + x.IntN(6) {
				s.WriteString(letters[x.IntN(len(letters))])
			}
			if seen[s.String()] {
				continue
			}
			seen[s.String()] = true
			p := piece{s.String(), -float32(x.IntN(40)) / 4 * (1 + float32(x.IntN(2))*1e-6), kindNormal}
			normal = append(normal, p)
			switch x.IntN(16) {
			case 0:
				p.kind = kindUserDefined
			case 1:
				p.kind = kindUnused
			}
			mixed = append(mixed, p)
		}
		models := []*Model{
			made(t, Unigram, seed%3 == 0, normal), made(t, BPE, seed%2 == 0, normal), made(t, Unigram, false, mixed), made(t, BPE, true, mixed),
		}
		rs := make([]reader, len(models))
		for i := range 60 {
			var s strings.Builder
			for range 1 + x.IntN(1+i*i) {
				s.WriteString(strings.ReplaceAll(letters[x.IntN(len(letters))], space, " "))
			}
			for k, m := range models {
				sameWith(t, m, &rs[k], s.String())
			}
		}
	}
}

func TestFastTakesNoMemory(t *testing.T) {
	for name, m := range testModels(t) {
		text := newTexter(m, 8).text(300)
		var r reader
		ids, ok := m.fast.appendIDs(nil, text, nil, &r)
		if !ok {
			continue // unused pieces
		}
		if n := testing.AllocsPerRun(20, func() { ids, _ = m.fast.appendIDs(ids[:0], text, &m.layout, &r) }); n > 0 {
			t.Errorf("%s: %v allocations a text", name, n)
		}
	}
}

// A long text without spaces needs memory for the part that is not decided yet, not for the whole.
func TestFastForgetsWhatIsDecided(t *testing.T) {
	m, err := Load("testdata/uni8k.model")
	if err != nil {
		t.Fatal(err)
	}
	x := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = "etaoinshrdlucmfwypvbgkjqxz"[min(x.IntN(26), x.IntN(26))]
	}
	var r reader
	ids := sameWith(t, m, &r, string(text))
	if n := cap(r.viterbi.ends); n > 1<<16 {
		t.Errorf("%d path ends for %d bytes (%d ids)", n, len(text), len(ids))
	}
}

// The larger of two ends is the one that the original prefers: the higher score, of equal ones the earlier start.
func TestPathEndsAreOrdered(t *testing.T) {
	x := rand.New(rand.NewPCG(3, 3))
	for range 200_000 {
		score := func() float32 { return float32(x.IntN(2000)-1000) / 8 * float32(x.IntN(2)*1000+1) }
		s, z := score(), score()
		n, m := 1+x.IntN(maxFastPiece), 1+x.IntN(maxFastPiece)
		a, b := newEnd(s, n, 1), newEnd(z, m, maxFastVocabulary-1)
		if a.score() != s || a.length() != n || a.id() != 1 || b.score() != z || b.length() != m || b.id() != maxFastVocabulary-1 {
			t.Fatalf("%v %d became %v %d, %v %d became %v %d", s, n, a.score(), a.length(), z, m, b.score(), b.length())
		}
		if n != m && (a > b) != (s > z || s == z && n > m) {
			t.Fatalf("(%v, %d) before (%v, %d): %v", s, n, z, m, a > b)
		}
		if e := newEnd(s, n, -1); newEnd(float32(math.Inf(-1)), m, -1) >= e || e.length() != n {
			t.Fatalf("no path is better than one of %v", s)
		}
	}
}

func TestBatch(t *testing.T) {
	m, err := Load("testdata/uni8k.model")
	if err != nil {
		t.Fatal(err)
	}
	x := newTexter(m, 4)
	texts := make([]string, 3000)
	for i := range texts {
		texts[i] = x.text(x.IntN(60))
	}
	for _, threads := range []int{0, 1, 2, 7} {
		for i, ids := range m.BatchIDs(texts, threads) {
			if want := m.AppendIDs(nil, texts[i]); !slices.Equal(ids, want) {
				t.Fatalf("%d threads: text %d: %v, want %v", threads, i, ids, want)
			}
		}
	}
	if got := m.BatchRaw(nil, 3); len(got) != 0 {
		t.Errorf("no texts gave %v", got)
	}
	if got := m.BatchRaw([]string{"", "a"}, 3); len(got[0]) != 0 || !slices.Equal(got[1], m.AppendRaw(nil, "a")) {
		t.Errorf("two texts gave %v", got)
	}
}

// FuzzFast makes a vocabulary out of lines, each a piece with its score, and holds the fast way to the plain one.
func FuzzFast(f *testing.F) {
	f.Add("a\nb\nab\n▁a\n▁\nabc", uint64(0), " ab abc\xff b")
	f.Add("日\n本\n日本\n▁日", uint64(1), "日本日 日本")
	f.Add("a▁\nb▁a\n▁▁\n▁\na", uint64(2), "a b a  b a")
	f.Add(" 1", uint64(36), "0") // a trie without pieces
	f.Fuzz(func(t *testing.T, lines string, flags uint64, text string) {
		c := &file{
			pieces:     []piece{{"<unk>", 0, kindUnknown}},
			trainer:    trainerSettings{model: []Type{Unigram, BPE}[flags&1], spaceAsSuffix: flags&16 != 0},
			normalizer: normalizerSettings{escapeSpaces: flags&2 == 0, dummyPrefix: flags&4 != 0, collapseSpaces: flags&8 != 0},
		}
		for i, line := range strings.Split(lines, "\n") {
			p := piece{line, -float32(len(line)*7%5) - float32(i%3)/4, kindNormal}
			if i%7 == 6 {
				p.kind = []kind{kindUserDefined, kindUnused}[i/7%2]
			}
			c.pieces = append(c.pieces, p)
		}
		m, err := newModel(c)
		if err != nil || m.fast == nil {
			return
		}
		var r reader
		sameWith(t, m, &r, text)
		sameWith(t, m, &r, text+" "+text)
		sameWith(t, m, &r, strings.Repeat(text, 20))
	})
}
