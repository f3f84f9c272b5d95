// Package codes proves that the codes in shards are those of the views beside them.
//
// Codes are a function of a stored view and of the tokenizer that the shards' fingerprint names. Verify decodes stored
// views, all of them or a sample, computes their codes again, and reports each row that differs. In: a store with
// committed shards, and the tokenizer. Out: a Report; it changes nothing.
//
// Machines with other instruction sets add in another order, so a patch that lies between two codes may get the other
// one. Such a code is told from a wrong one by its distance: what is not further than the nearest by more than the
// tokenizer's bound counts as rounding, all else as a fault.
//
// Verify holds two batches of views in memory and may be called from several goroutines.
package codes
