// Package vqkd is the visual tokenizer of BEiT v2 (vector-quantised knowledge distillation): it turns pictures into
// grids of visual words.
//
// In: pictures of S×S pixels, [n, S, S, 3] uint8, RGB. Out: [n, G²] uint16 codes in [0, K), row-major over the grid of
// G×G patches, and a fingerprint that names the function from pixels to codes. Start with [Load]; it reads safetensors
// and the published PyTorch checkpoints, of any width, depth, patch, grid and codebook.
//
// The path of a picture: v/127.5 − 1; a vision transformer (package vit); a head of two linear layers with tanh between
// them; unit length; the nearest row of the codebook.
//
// A picture's codes depend on its pixels, the weights and the settings in the fingerprint, and on nothing else: not on
// the batch that it comes in, the number of threads or the order of calls.
//
// What it does not do: decode or resize images (package pixels), train (package vqkd/train), look codes up the other way.
//
// A Tokenizer may be used from several goroutines; calls take turns, since its backend serves one at a time.
package vqkd
