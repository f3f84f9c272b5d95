// Package text is the stage that turns the texts of samples into ids.
//
// In: samples with one uncut part of text, as sources make them. Out: the same samples with ids, without bos and eos. A
// TEXT is cut at sentence ends into parts of at most 510 pieces (Config.MaxPieces); a longer sentence at the ends of
// words, a longer word between characters. A PAIR keeps its one part whole: the mixer cuts what a pair has no room for.
// A text that gives no ids is skipped as "empty-text"; an IMAGE passes untouched. The stage's version, which the runner
// writes into each sample's history, is the tokenizer's fingerprint.
//
// The stage normalises nothing: a part's text is a stretch of the source's, without the white space at its ends, and its
// ids are those of exactly that text.
//
// Start with New. Process may be called from several goroutines at once.
package text
