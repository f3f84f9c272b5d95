// Package filelist holds what all sources of local files share: the list of files with their fingerprints, and the
// walk over them, one file behind another, as pipeline.Rows.
//
// A source gives a Reader for one file; Walk numbers the rows, makes the cursors, and sums up what is left. Start with
// Source, which is a pipeline.Source of such files; Walk alone serves files that are not local. List may be used from several goroutines at once; a walk belongs to one goroutine.
//
// The fingerprint of a file is taken over its size, its first and its last 16 KiB, so that a source of thousands of
// archives starts in seconds. It finds files that were replaced, cut or added to. It does not find a file of the same
// size that was changed in its middle only.
package filelist
