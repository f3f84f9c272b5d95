// Package checkpoint reads and writes files of named tensors.
//
// Open reads two formats and tells them apart by content, never by the file's name: safetensors, and the files of
// PyTorch's torch.save (a zip of a pickle and raw storages, or the layout from before PyTorch 1.6). Either way one gets
// a [File]: names, shapes, and values as float32. WriteSafetensors writes safetensors, the only format that imglish
// itself produces: whole or not at all, and the same bytes for the same tensors.
//
// A torch.save file is a program for Python's pickle machine, and running such a program can run anything. The reader
// here knows the few instructions that tensors, dictionaries, lists and numbers need, and the few names that stand for
// tensors; whatever else a file asks for is refused by name and nothing is ever called. Every size that a file states
// is checked against the file before memory is taken.
//
// It does not read sharded checkpoints, sparse or quantised tensors, or TorchScript archives.
//
// A File may be used from several goroutines at once.
package checkpoint
