// Package gc frees what a store holds for nothing: files of shards that no commit names, uploads that nobody finished,
// and, if a retention is set, blobs whose samples are committed and old.
//
// Start with Collect. Its dry run tells what it would remove; what it does not know it never touches, and nothing that is
// younger than the grace.
//
// # Why nothing that is needed goes
//
// A file counts once a commit names it, and its writer puts it before the commit. So a file without one may be waiting
// for it. It is removed only if it was written before the grace, if it still was when looked at again just before, and if
// its range's commit is not there or names others. A commit that appears at that very moment is seen right behind the
// removal, and the file is put back: its bytes were kept until then. A commit that cannot be read keeps all files.
//
// A blob is needed from fetch to view. It is removed only if a committed row names it and it is older than the retention;
// who uses a blob that is older than a day writes it anew (store.PutBlob, stages/fetch), so the blob of a sample under
// way is as young as the sample, less a day. A line that works its stages again from the log (imglish reset) reads blobs
// again: the retention must be longer than the time for which that is wanted. What then is missing is a skip, and
// `imglish dead replay` fetches it again.
//
// Temporary files of a store in a folder need no collecting: opening the store removes those of writers that died.
//
// Several collectors at once do no harm.
package gc
