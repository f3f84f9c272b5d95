// Package demo holds the small tokenizer that the demo uses: a Unigram model of 1,200 pieces in which each colour and
// shape of the generated scenes is one piece. README.md says what it was trained on and how.
//
// It serves demos and tests. A vocabulary this small cuts ordinary English into 2.3 pieces a word: train a larger one
// for anything else.
package demo

import (
	_ "embed"

	"github.com/imglish/imglish/sentencepiece"
)

//go:embed demo.model
var file string

// File returns the content of demo.model.
func File() []byte { return []byte(file) }

// Load returns the model.
func Load() (*sentencepiece.Model, error) { return sentencepiece.Parse(File()) }
