//go:build !linux

package sandbox

// limitMemory bounds nothing: only Linux tells a process the size of its address space in a simple way.
func limitMemory(int64) error { return nil }
