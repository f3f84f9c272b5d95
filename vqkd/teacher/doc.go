// Package teacher says what a patch of a picture looks like, in numbers that a visual tokenizer can learn to tell.
//
// The published tokenizers learn from CLIP or DINO, large trained networks; package onnx runs such ones. This teacher
// needs none: a patch's vector joins its edges (a histogram of oriented gradients, Dalal and Triggs 2005), its colours
// (means of YCbCr on a small grid) and a constant. Vectors are compared by cosine.
//
// In: a picture, [S, S, 3] uint8, RGB. Out: one vector a patch. Start with [Config.For].
//
// Two things make the vectors mean something. The histogram is divided by its length plus a floor that is well above
// what a camera's noise gives, so a flat patch has no edges, instead of noise blown up to full length. And the constant
// gives a patch that is grey and flat a direction of its own.
//
// Functions here may be called from several goroutines at once.
package teacher
