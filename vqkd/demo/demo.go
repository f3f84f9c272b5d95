// Package demo carries the small visual tokenizer that ships with imglish: 256 codes, patches of 16 pixels, 14×14 codes
// of a view of 224 pixels. README.md tells how it was trained, on what, and how it measured.
//
// It is for the demo and for tests: it tells colours and edges apart, not objects. Load it by its file with package vqkd,
// or write Weights and Config, side by side, to where they are wanted.
package demo

import _ "embed"

// Weights is the safetensors file.
//
//go:embed demo-vqkd.safetensors
var Weights []byte

// Config is the JSON that belongs beside it, FILE.json.
//
//go:embed demo-vqkd.safetensors.json
var Config []byte
