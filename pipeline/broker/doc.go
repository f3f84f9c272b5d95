// Package broker is the Kafka broker that a line without a cluster runs in its own process: it speaks Kafka's protocol on
// loopback and keeps everything below one folder. Start with Open.
//
// It has two halves. Records are its own work (partition.go, segment.go): Produce, Fetch and ListOffsets are answered
// here, each connection's in a goroutine of its own. Everything else, which is topics, their settings, consumer groups and
// saved offsets, goes on to franz-go's kfake, which runs behind it and never sees a record.
//
// # What holds
//
//   - An acknowledged record, topic or saved offset is on the disk, and readers see no record before it is. A sync that goes
//     wrong is an error for the producer, and the partition takes nothing more until the broker is started anew.
//   - A torn tail is cut off when the log is opened.
//   - Segments are removed whole, at Expire, so that retention.bytes stay.
//
// It has one broker and one replica, and neither transactions, idempotent producers, compaction, retention by time, nor
// offsets by time; it does not offer what it lacks. It takes no lock on its folder: that is the caller's.
//
// All methods may be called from any goroutine.
package broker
