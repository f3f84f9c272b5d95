// Package replay keeps the lists of skipped samples that a line is to take once more.
//
// Start with Open. In go samples, each with the lane and seq of the skip that it comes from; out come lists, objects
// replay/list-0000000001 and so on, which never change. The source stages/source/replay reads them into lanes of its
// own; audit/dead makes them.
//
// # Each skip at most once
//
// A list is created only if its number is free, and its writer has read all lists before it: a skip that stands in one
// of them is left out. So no (lane, seq) is in two lists, however many writers there are and wherever they die. A list
// is at most some thousand samples or some MB, so that one that is half made is no great loss.
//
// # The bytes of a list
//
// One line of JSON, the Header, then the samples in protobuf, one behind another, as long as the header's rows say. The
// header has the SHA-256 of what is behind it.
//
// A Writer belongs to one goroutine. Lists may be used by several.
package replay
