// Command diff compares the package sentencepiece with Google's own library, text by text: ids, pieces, byte offsets,
// normalised text, text decoded from ids and from pieces, and for Unigram models the ten best segmentations with their
// scores. `make diff-sentencepiece` builds the library and runs it; DIFF_LINES says how many lines, and docs/text.md
// what came out.
//
// It trains models of every kind with spm_train, takes those that packages ship, and makes some more by editing these
// (models.go). The lines are drawn from real text, code, all of Unicode, and what people and broken programs write
// (lines.go). The same seed draws the same lines. The C++ side is original/original.cc.
//
// With -golden it writes the golden files of testdata/kinds instead (golden.go).
package main
