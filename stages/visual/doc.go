// Package visual is the stage that turns the views of an image into visual words.
//
// In: samples whose views hold encoded pictures. Out: the same samples with the codes of each view, G×G uint16,
// little-endian, row by row, and the grid's side; or a skip. A sample without an image passes untouched. The stage's
// version, which the runner writes into each sample's history, is the tokenizer's fingerprint.
//
// Codes are computed from the encoded view, not from the original pixels, so whoever has a shard and the tokenizer can
// compute them again and find the same ones.
//
// Start with New. There is one tokenizer a process; the views of all samples of a batch go through it together, and
// calls of Process from several goroutines decode side by side and take turns to encode. With two of them, decoding goes on
// while the device computes, and memory holds the pixels of two batches, each in parts of
// at most MaxPixels.
//
// It does not crop or resize (stage view does), and it does not load weights: the caller picks the device.
package visual
