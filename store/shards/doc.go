// Package shards is the format of the finished data: Parquet files of views and texts, and the commits that make them
// count. docs/formats/shard.md and docs/formats/commit.md show both byte by byte.
//
// Start with Folder: it is the place of one line's shards in a store.
//
//	writing: Writer takes rows and gives the bytes of one file; Folder.Put stores them; Folder.Commit makes them count
//	reading: Folder.Load gives the committed set; OpenFile reads single rows of a file by number
//	proving: Folder.Verify reads everything and reports each fault
//
// A file that no commit names does not exist for a reader. The bytes of a file are a function of its rows and its Meta
// alone: no time, host, version or map order enters them, so a range that is written again after a crash gets the same
// name, and the same name means the same bytes.
//
// The package knows rows, not samples or Kafka: stages/shard turns outcomes into rows. A Writer and a Reader belong to
// one goroutine; Folder may be used by many.
package shards
