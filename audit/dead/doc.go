// Package dead answers questions about skips, the dead letters of a line, and has them taken once more.
//
// Start with Open. What a line has skipped lies in the dropped files of its shards, each with the stage, the reason and
// the reference to its source; Each and Count go through them, Find tells the story of one. Replay reads the sources
// again and puts the samples into the lists of store/replay, from which the line takes them once more.
//
// The time of a skip is that of the commit that holds it, by the store's clock: shards hold no times. A skip that is in
// the topics but in no commit yet is not seen.
//
// # What became of a skip
//
// A skip is open (NotReplayed) until it is in a list. Then it is UnderWay; Recovered, when a shard of the lanes of replay holds the
// sample; or Again, when it was skipped there too: that is a skip of its own, and may be replayed in turn. So a sample
// that is missing has exactly one open skip, or is under way.
//
// Memory: a commit, a few hundred rows, some 300 bytes for each sample that was ever replayed, and for Replay some 500
// bytes for each that it is about to append. Letters may be used by several goroutines.
package dead
