// Package train makes SentencePiece models from texts, within a given amount of memory.
//
// In goes a Config and a sequence of texts (Train); out comes the content of a .model file, of the type Unigram or BPE,
// which package sentencepiece and the original library load. The algorithms are those of the original trainer: Kudo 2018
// (Unigram: EM over words and pruning by loss) and Sennrich et al. 2016 (BPE).
//
// Texts are read once, in any order and by any number of threads, and only their words are kept, with counts: what
// follows costs memory by the number of different words, not by the amount of text. Counts that do not fit are written
// to a temporary file and added up again; words that do not fit are thinned out so that all counts stay right in the
// mean. Everything that is drawn is drawn by a keyed hash of the word or text itself. So a model is a function of the
// Config and of the set of texts: not of the number of threads, nor of the order of the texts.
//
// Start with Train. Rules makes normalisation rules. The package does not train WORD and CHAR models and does not write
// white space as a suffix.
package train
