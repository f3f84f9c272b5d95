// Package mixer orders samples, masks them, and builds the batches that a trainer eats.
//
// Start with Open: it reads the committed shards of a folder into an index. Batch names the rows of any step and gives
// their data as micro-batches; HeldOut and Load give the rows that training never sees. docs/formats/batch.md shows what
// is in a batch and how each choice is made.
//
// A step's rows, views, masks and digest are a function of (shards, settings, step) and of nothing else: not of the
// number of workers, of restarts, or of which step was asked before. So a position is one number, and the digest, which
// runs over all rows since step 0, proves that it is the right one.
//
//   - The unit is the id of an image or pair, and the part of a text. Epoch e of a list takes each of its units once, in
//     an order that a hash keyed by (seed, epoch, unit) gives; of an image or pair it takes view e mod K.
//   - A step takes exactly the asked numbers from the three lists, which wrap into their next epochs by themselves.
//   - A unit is held out if the hash of its id, without the seed, falls below the held-out share.
//
// Memory: 28 bytes a unit, 4 more for each list's current epoch, 16 more while an epoch is sorted: 16 million units take
// 0.5 GB, 0.8 GB while sorting. Micro-batches ahead of the trainer are bounded in number and each in bytes.
//
// The package knows shards and pixels, no tensors and no line. A Mixer may be used by several goroutines.
package mixer
