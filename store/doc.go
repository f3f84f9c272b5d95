// Package store keeps objects (blobs, shards, commits) by key, in a local folder or on S3.
//
// Start with Open: it takes where the data lies and returns a Store. What goes in are keys and bytes; what comes out
// are objects that exist whole or not at all and that survive a power cut once a call has returned. PutIfAbsent is the
// line's only lock: of two writers of one key, the first wins and the other is told so.
//
// PutBlob and GetBlob keep bytes under the name of their SHA-256, so that the same image is kept once and a damaged
// one is noticed.
//
// The package knows nothing of what the objects mean; store/shards does. A Store may be used by several goroutines and
// processes at once. storetest holds the contract as tests that every kind of store runs.
package store
