// Package pipeline is the engine of the line: it carries samples from sources through stages into a sink, each exactly
// once and in order, over topics of Kafka.
//
// In: a graph file (Load, Parse), and a table of Builders that says which code its names mean; the package knows no
// source, stage or sink itself. Out: what the Sink makes of the outcomes, and a Snapshot of the run. Start with Run. To
// write a stage, start with Stage; package stagetest holds what every stage must pass.
//
// # How it works
//
// A segment of the graph is a list of stages that work in one process; a topic lies between two segments, and one
// partition of it is followed through the whole line: a lane. A lane belongs to one source. Row g of a source of L lanes
// is seq g div L of its lane g mod L, whoever reads it and whenever.
//
//	source_reader.go   rows into lanes; looks ahead to mark the last of a file      book.go        which lanes, how many rows
//	lane_reader.go     the fold that accepts records                                lane_writer.go one request in flight, fenced
//	lane.go            where a segment's lane goes on                               room.go        backpressure in bytes
//	window.go          work in parallel, written in order                           attempt.go     retries, deadlines, skips
//	board.go           positions saved, and those of others                         journal.go     samples that crash the process
//	assign.go          lanes shared among processes                                 workers.go     lanes that run in this one
//	exchange.go        fetch and produce as bytes on the wire                       batch.go        Kafka's record batches
//	record.go          records read without copying their views
//	broker_embedded.go who runs the broker of a single machine (package broker)     run.go         the whole of it
//	lives.go           lanes that begin again                                       inspect.go      looking at a line from outside
//	status.go          how it stands; causes.go: why a lane does not move           reset.go, repair.go
//	snapshot.go        what can be seen of a run, for people and for metrics        counter.go     what stages have done
//	memory.go          what all lanes of a process may have in work
//
// # Why a sample is there once, and none is lost
//
// Requests of kafka-go may land twice, late, or although an error came back, and a process that lost its lane may not
// know it yet. So nothing rests on who writes; it rests on how a lane is read:
//
//   - Reading a lane is a fold from its head: a record is accepted if and only if its seq follows the last accepted
//     one's. So all readers accept the same records, the first of each seq, and what lies twice, late or behind a gap is
//     passed over by all. The state of a fold is the pair (offset, seq): from another offset the same seq would accept
//     other records.
//   - Each stage writes one record for each that it accepts, of the same seq: a sample, or a skip with its reason.
//   - A stage's own output is its checkpoint: its last accepted record names the input record that it came from, by
//     offset and writer. Reading goes on behind that one.
//   - A writer has one request in flight in a lane and knows the offset that it must get. Another offset means that
//     somebody else has written; it stops and resumes from the log. So a zombie does one batch of work in vain.
//   - Positions are saved from time to time (offset commits with metadata) so that a fold need not begin at the head.
//     A saved position is the state of a fold, true whoever saved it; it is believed if the record that it names is
//     still there, by seq and writer. The log keeps what lies behind the lower of the positions that a topic's writer
//     and reader have saved: a writer waits when that is half of what the log keeps.
//   - The sink's ranges are its checkpoint; the first that commits a range wins.
//
// docs/exactly-once.md has the argument step by step, what it assumes of Kafka, and the bounds of memory and topics.
// model_test.go plays it in random runs with crashes, zombies, lanes that move, lost answers, late requests and expiry, and
// without each rule in turn; lane_test.go plays the code under the same faults; kill_test.go kills real processes, and
// package chaos does so on a real Kafka for as long as one likes.
//
// # What it does not do
//
// It does not read or write images, texts or shards, does not remove duplicates, and does not ask Kafka for
// transactions. A log that loses acknowledged records may have other content at a second reading, never another count;
// if a saved position has then become a lie, the lane waits and says which seq is missing, and Inspector.Repair mends it.
//
// On a cluster, saved positions are offsets of groups without members, which Kafka drops offsets.retention.minutes
// (7 days) after the last change: a line that is to rest for longer needs a larger value, else a lane whose head has
// expired cannot be resumed and says so. The embedded broker keeps them for ten years.
//
// A Runner's Snapshot may be called from any goroutine. A Stage is called from several goroutines at once.
package pipeline
