// Package storetest holds the contract of store.Store as tests. Each kind of store runs them with Run; a store that
// passes can carry the line's shards and commits.
package storetest
