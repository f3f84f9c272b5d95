package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measure is what one run of one contestant took.
type measure struct {
	records int64
	bytes   int64         // of a record
	took    time.Duration // first record to last
	wall    time.Duration // start of the process to the last record
	cpu     time.Duration // of the contestant's processes
	broker  time.Duration // of the broker meanwhile
	rss     int64         // bytes, the most of the contestant's processes together
}

func (m measure) rate() float64 { return float64(m.records) / m.took.Seconds() }

// spent fills in what an ended process has used. The kernel sums up its children that it has waited for.
func (m *measure) spent(cmd *exec.Cmd) {
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m.cpu += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	m.rss += u.Maxrss << 10
}

// processCPU is what a living process has used so far.
func processCPU(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name before it may hold anything
	f := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12} { // utime, stime
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil // Linux fixes USER_HZ at 100
}

// resident is the most memory that a living process has had, in bytes; 0 if that is not known.
func resident(pid int) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(f[0], 10, 64)
	return kib << 10
}
