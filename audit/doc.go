// Package audit answers questions about a set of shards.
//
// Start with Run: it reads the committed shards of a folder and counts samples by kind, source and reason of a skip, and
// how much of the visual and the text vocabulary is used. A codebook of which few codes are used, or pieces that are all
// unknown, show here before any training does.
//
// The package reads shards and nothing else, without a server; the views' bytes are not read. Run reads files side by
// side and may be called from several goroutines.
package audit
