package text_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/demo"
	"github.com/imglish/imglish/stages/text"
)

func model(t testing.TB) *sentencepiece.Model {
	t.Helper()
	m, err := demo.Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sample(kind pipeline.Kind, body string) *pipeline.Sample {
	s := &pipeline.Sample{
		Id:     pipeline.SampleID("test", body[:min(20, len(body))], kind.String()),
		Kind:   kind,
		Source: &pipeline.Origin{Dataset: "test", Key: "k", Revision: "1"},
		Parts:  []*pipeline.Part{{Text: body}},
	}
	if kind == pipeline.Kind_PAIR {
		s.Image = &pipeline.Image{}
	}
	return s
}

var article = strings.Repeat("A star is a shape with five points. Dr. J. Smith saw 3.5 of them! Did he? \"Yes.\" He did.\n", 60)

func TestConformance(t *testing.T) {
	samples := append(stagetest.Plain(),
		sample(pipeline.Kind_TEXT, article), sample(pipeline.Kind_TEXT, " \n\t"), sample(pipeline.Kind_PAIR, ""),
		sample(pipeline.Kind_PAIR, article), sample(pipeline.Kind_TEXT, "\x00\u00a0"), &pipeline.Sample{Kind: pipeline.Kind_PAIR, Id: []byte("no part")})
	stagetest.Run(t, func(t testing.TB) pipeline.Stage { return text.New(model(t), 510) }, samples...)
}

// process runs one sample and checks what holds of every result.
func process(t *testing.T, most int, s *pipeline.Sample) pipeline.Result {
	t.Helper()
	m := model(t)
	body := s.Parts[0].Text
	out, err := text.New(m, most).Process(t.Context(), []*pipeline.Sample{s})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Skip != nil {
		return out[0]
	}
	rest := body
	for i, p := range s.Parts {
		if int(p.Number) != i || len(p.Ids) == 0 || s.Kind == pipeline.Kind_TEXT && len(p.Ids) > most {
			t.Errorf("part %d: number %d, %d ids", i, p.Number, len(p.Ids))
		}
		if ids := m.AppendIDs(nil, p.Text); !slices.Equal(ids, p.Ids) {
			t.Errorf("part %d: ids are not those of its text %q", i, p.Text)
		}
		before, after, found := strings.Cut(rest, p.Text)
		if !found || strings.TrimSpace(before) != "" {
			t.Errorf("part %d: %q is not what follows in the text", i, p.Text)
		}
		rest = after
	}
	if strings.TrimSpace(rest) != "" {
		t.Errorf("%q is in no part", rest)
	}
	return out[0]
}

func TestLongDocumentIsCutAtSentenceEnds(t *testing.T) {
	r := process(t, 100, sample(pipeline.Kind_TEXT, article))
	parts := r.Sample.Parts
	if len(parts) < 10 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, p := range parts {
		end := p.Text[len(p.Text)-1]
		if !strings.ContainsRune(".!?\"", rune(end)) || strings.HasSuffix(p.Text, "Dr.") || strings.HasSuffix(p.Text, " J.") {
			t.Errorf("part %d ends inside of a sentence: %q", i, p.Text[max(0, len(p.Text)-30):])
		}
		if i < len(parts)-1 && len(p.Ids) < 60 {
			t.Errorf("part %d has only %d of 100 pieces", i, len(p.Ids))
		}
	}
}

func TestLongSentencesAndWords(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"no sentence ends", strings.Repeat("a red circle and ", 200)},
		{"one word", strings.Repeat("xqz", 1000)},
		{"no spaces", strings.Repeat("赤い円と青い四角", 300)},
		{"Chinese sentences", strings.Repeat("这是一个红色的圆。", 100)},
		{"lines", strings.Repeat("one line\n", 400)},
		{"dots", strings.Repeat(".", 3000)},
		{"invalid bytes", strings.Repeat("ab\xff\xfe c", 500)},
		{"blank lines", "first." + strings.Repeat("\n \n", 50) + strings.Repeat("Second one is here. ", 100)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := process(t, 50, sample(pipeline.Kind_TEXT, tt.body))
			if r.Sample == nil || len(r.Sample.Parts) < 2 && !strings.Contains(tt.name, "no spaces") && tt.name != "Chinese sentences" {
				t.Errorf("result %+v, want several parts", r)
			}
		})
	}
}

func TestPairKeepsOnePart(t *testing.T) {
	r := process(t, 10, sample(pipeline.Kind_PAIR, "  "+article+" "))
	if r.Sample == nil || len(r.Sample.Parts) != 1 || r.Sample.Parts[0].Text != strings.TrimSpace(article) {
		t.Errorf("a pair became %+v", r)
	}
}

func TestEmptyText(t *testing.T) {
	for _, body := range []string{"", " ", "\n\t \u200b\ufeff", "\x01\x02"} {
		for _, kind := range []pipeline.Kind{pipeline.Kind_TEXT, pipeline.Kind_PAIR} {
			if r := process(t, 510, sample(kind, body)); r.Skip == nil || r.Skip.Reason != text.ReasonEmpty {
				t.Errorf("%v %q: %+v, want the skip %s", kind, body, r, text.ReasonEmpty)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	if err := text.Defaults().Validate(); err == nil {
		t.Error("no tokenizer is no error")
	}
	c := text.Defaults()
	c.Tokenizer = "../../sentencepiece/demo/demo.model"
	s, err := text.Open(c)
	if err != nil || s.Version() != model(t).Fingerprint() {
		t.Errorf("error %v, version %q", err, s.Version())
	}
	c.MaxPieces = 0
	if err := c.Validate(); err == nil {
		t.Error("max_pieces 0 is no error")
	}
}

func ExampleNew() {
	m, _ := demo.Load()
	s := text.New(m, 12)
	in := &pipeline.Sample{Kind: pipeline.Kind_TEXT, Parts: []*pipeline.Part{{Text: "A red circle. It is on a blue ground. The ground is large."}}}
	out, _ := s.Process(context.Background(), []*pipeline.Sample{in})
	for _, p := range out[0].Sample.Parts {
		fmt.Println(p.Number, len(p.Ids), p.Text)
	}
}

func FuzzCut(f *testing.F) {
	m := model(f)
	f.Add(article[:300], 20)
	f.Add("a.b 。” c\xff\n\n", 1)
	f.Fuzz(func(t *testing.T, body string, most int) {
		if most < 1 || most > 100 || len(body) > 2000 {
			return
		}
		in := sample(pipeline.Kind_TEXT, body)
		if _, err := text.New(m, most).Process(t.Context(), []*pipeline.Sample{in}); err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, p := range in.Parts {
			i := strings.Index(body[at:], p.Text)
			if i < 0 || len(p.Ids) == 0 || len(p.Ids) > most {
				t.Fatalf("%q: part %q with %d ids", body, p.Text, len(p.Ids))
			}
			at += i + len(p.Text)
		}
	})
}

func BenchmarkStage(b *testing.B) {
	s := text.New(model(b), 510)
	b.SetBytes(int64(len(article)))
	for b.Loop() {
		if _, err := s.Process(b.Context(), []*pipeline.Sample{sample(pipeline.Kind_TEXT, article)}); err != nil {
			b.Fatal(err)
		}
	}
}
