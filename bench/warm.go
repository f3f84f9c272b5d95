package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// warmBytes is more than a contestant's run writes.
const warmBytes = 3 << 30

// warm has a process take memory, touch all of it and end, so that every contestant finds memory which the machine has
// touched. Under a virtual machine the first touch of a page costs the host ten times what copying the page costs, and
// which contestant met such pages, in its heap or in the broker's page cache, was luck: rates of one contestant differed by
// a factor of three.
func warm(ctx context.Context, dir string) error {
	cmd, err := role{Dir: dir, Touch: min(warmBytes, available()/3)}.command(ctx)
	if err == nil {
		err = cmd.Run()
	}
	if err != nil {
		return fmt.Errorf("touch memory: %w", err)
	}
	return nil
}

// touch maps memory and has the kernel fill it with zeros.
func touch(bytes int64) error {
	_, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	return err
}

// available is how much memory is free, or can be at once.
func available() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return warmBytes
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return warmBytes
}
