package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// limitMemory bounds the address space to what the process has now and n bytes more. Go reserves address space that it
// never touches, so an absolute bound would say little.
func limitMemory(n int64) error {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages int64
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		return fmt.Errorf("/proc/self/statm: %w", err)
	}
	limit := uint64(pages)*uint64(os.Getpagesize()) + uint64(n)
	return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit})
}
