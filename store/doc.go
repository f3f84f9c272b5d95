// Package store keeps objects (blobs, shards, commits) by key, in a local folder or on S3.
package store
