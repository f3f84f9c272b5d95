// Package vit is the plain vision transformer of VQ-KD, forward and backward, on a tensor.Backend.
//
// A [Model] holds the parameters, a learned position table and a class token included, under the names that the
// published checkpoints use. It takes rows of patches (pixels for the encoder, code vectors for the decoder), runs
// pre-norm blocks over each sample's class token and patches, drops the class token and normalises what is left:
//
//	x = patches·Wᵀ + b, a class token in front, plus positions
//	x += attention(LN(x));  x += fc2(GELU(fc1(LN(x))))   Depth times, eps 1e-6, no layer scale
//	y = LN(x without the class token)
//
// Start with New, fill the parameters that Each lists, call Forward. For training, Forward keeps what Backward needs in
// a Tape. It knows nothing of codes, images or files.
//
// A Model has no lock: it is used by one goroutine at a time, as its backend is.
package vit
