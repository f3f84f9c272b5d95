// Package sentencepiece turns text into the ids of a SentencePiece model, exactly as the original library does.
//
// In goes a .model file (Load) and text, any bytes; out come pieces, ids and the bytes of the text that each piece
// covers (Encode), or ids alone (AppendIDs). Unigram and BPE models are read, with the normaliser, the white space
// flags, the user-defined symbols and the byte fallback that they carry. Start with Model; what a pipeline needs of
// any tokenizer is the interface Tokenizer.
//
// Two numberings of pieces exist. Raw ids count the pieces of the file. A Tokenizer's ids are those that the published
// BEiT-3 models use, the layout of XLM-R: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>, raw piece i at i+1, <mask> last.
//
// The package does not train models, does not sample segmentations, and reads no WORD or CHAR models. It is pure Go.
// A Model never changes after Load: all its methods may be called from several goroutines at once. Ids alone are many
// times faster than Encode; docs/text-speed.md says how, and what they need of memory.
package sentencepiece
