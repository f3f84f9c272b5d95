// Package clean checks what was fetched and signs it.
//
// In: a sample whose image, if it has one, lies in the blob store, and whose text, if it has one, is as the source gave
// it. Out: the same sample with the image's width, height and format, and with the signatures by which duplicates are
// found later: a perceptual hash of the picture and a MinHash signature of the text (the SHA-256 of the bytes is there
// already). Or a skip:
//
//	empty-text, short-text                       the text says nothing
//	not-an-image, unsupported-image              no picture of a known format; one of an unknown kind
//	too-small, aspect-ratio, too-many-pixels     by the limits of Config
//	truncated, decode-error                      the picture does not decode to its end
//	decode-crash, decode-timeout                 it took its decoder down, or would not end
//	blob-missing, blob-damaged                   the store has lost the bytes; may pass
//
// Start with New. Pictures decode in package pixels/sandbox's processes, so a hostile one costs a skip. Nothing is
// decided here about duplicates: that would depend on what came first.
//
// A Stage may be used by several goroutines at once. A program that uses it must begin with sandbox.RunIfWorker.
package clean
