package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/visual"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

// The shards name the tokenizer that the visual stage has, which they do not load.
func TestShardsNameTheVisualStagesTokenizer(t *testing.T) {
	env := pipeline.Env{Dir: "../../vqkd/demo"}
	for _, o := range []vqkd.Options{vqkd.Defaults(), {Heads: 4}, {Side: 160}, {Precision: tensor.Fast}} {
		c := visual.Config{Tokenizer: "demo-vqkd.safetensors", Threads: 1, Options: o}
		got, err := visually(c, env)
		if err != nil {
			t.Fatal(err)
		}
		b, tok, err := loadVisual(c, env)
		if err != nil {
			t.Fatal(err)
		}
		want := shards.Visual{Fingerprint: tok.Fingerprint(), Grid: tok.Grid(), Side: tok.Side(), Codes: tok.Codes()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-stage +shards):\n%s", o, diff)
		}
		tok.Close()
		b.Close()
	}
}
