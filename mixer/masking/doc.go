// Package masking draws what a model has to predict: blocks of image patches, and pieces of text.
//
// In go a random generator and a grid (or a text's ids), out comes a mask. Paper is Algorithm 1 of BEiT (Bao et al.,
// 2021) as it is printed; BEiT2 is the variant of the public code, with an exact count; Text is BERT's masking. Rand
// makes the generator of one row from its key, so that a mask is a function of (seed, epoch, id, view or part) and of
// nothing else: not of the batch, the worker or the order of work.
//
// The package masks; it reads no shards and knows no batches: that is the mixer. All functions may be called from
// several goroutines at once, each with a generator of its own.
package masking
