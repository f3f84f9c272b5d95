// Package shard is the end of the line: it writes each lane's outcomes, kept and skipped, into Parquet files and makes
// them count with a commit a range.
//
// Start with New. In go the outcomes of a lane in the order of seq; out come files and commits in the store, in the
// format of store/shards. A range is closed by count, by bytes, or behind the last record of a source file, so it is the
// same on every run; its files are written before its commit, so a crash in between leaves files that nothing names and that
// the next run writes again, byte for byte.
//
// The package does not read Kafka and saves no offset: the last commit of a lane says where to go on. Append may be
// called for several lanes at once, for one lane by one goroutine.
package shard
