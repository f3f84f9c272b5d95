// Package sentencepiece turns text into the ids of a SentencePiece model, exactly as the original library does.
//
// In goes a .model file (Load) and text, any bytes; out come pieces, ids and the bytes of the text that each piece
// covers (Encode), or ids alone (AppendIDs); Decode goes back. All types of model are read, Unigram, BPE, WORD and CHAR,
// with the normaliser and denormaliser, the white space flags, the user-defined symbols and the byte fallback that they
// carry. Start with Model; what a pipeline needs of any tokenizer is the interface Tokenizer, and Batcher of one that
// takes many texts at once. For subword regularisation there are NBest, Sample and SampleNBest.
//
// Two numberings of pieces exist. Raw ids count the pieces of the file. A Tokenizer's ids are those that the published
// BEiT-3 models use, the layout of XLM-R: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>, raw piece i at i+1, <mask> last.
//
// "Exactly" means the current release, 0.2.3: diff/ compares with it, and docs/text.md says what came out. It is pure
// Go. A Model never changes after Load: all its methods may be called from several goroutines at once. Ids alone are many
// times faster than Encode; docs/text-speed.md says how, and what they need of memory.
//
// Package train makes models, package hf serves tokenizer.json files.
package sentencepiece
