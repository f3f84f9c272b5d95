// Package onnx lets any vision model in ONNX form teach a visual tokenizer, as CLIP and DINO taught the published ones.
//
// In: a model file, a [Config], and ONNX Runtime's shared library (libonnxruntime.so, version 1.24 or newer), which is
// loaded when a teacher is opened: a program without it works, but for this. Out: one vector a patch. Start with [Open].
//
// The model takes float32 pictures [1, 3, T, T], or a batch of any size, and gives a vector for each place of a grid:
// [1, N, D], [1, skip + N, D] with class or register tokens in front, or [1, D, G, G]. Its grid must be the tokenizer's,
// since one place teaches one patch. A view is resized to the model's side T by the antialiased bicubic filter that CLIP
// and DINO were trained behind.
//
// Each view is a call of its own on one thread, so a view's vectors never depend on its batch or on the number of
// threads; speed comes from several calls at once. Processors of another kind may round differently.
//
// A model file is run, not just read: open only files from people that you trust.
//
// A Teacher may be used from several goroutines at once. Without cgo there is none, and Open says so.
package onnx
