// Package durable writes files that are there whole or not at all.
//
// [WriteFile] and [Create] write under a temporary name in the same folder, sync the bytes, rename, and sync the folder.
// So a reader never sees half a file, and after a crash or a power cut the name holds the old bytes or the new ones; once
// Commit has returned nil it holds the new ones. Readers need no lock. Two writers of one name do not mix: the last to
// commit stays.
//
// A crash may leave a temporary file behind. Its name begins with a dot and ends in [TempSuffix]; it may be removed at
// any time when no writer runs. Files have the permissions that os.Create gives. A symbolic link in the name's place is
// replaced, not followed, unless it leads to what is no ordinary file: devices, pipes and folders are refused.
//
// What it does not do: files that only appear if they were not there (see package store), locks, writing in place.
package durable
