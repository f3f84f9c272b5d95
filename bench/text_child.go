package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/imglish/imglish/sentencepiece"
)

// A process that finds this variable encodes the texts of a file, as peers/sentencepiece/encode.cc does: the variable
// holds the paths of the model and of the texts, in two lines.
const textVariable = "IMGLISH_BENCH_TEXT"

func encodeTexts(paths string) error {
	model, file, _ := strings.Cut(paths, "\n")
	m, err := sentencepiece.Load(model)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	texts := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	lines := bufio.NewScanner(os.Stdin)
	var ids []int32
	for lines.Scan() {
		if lines.Text() == "hash" {
			hash, n := uint64(0xcbf29ce484222325), 0
			for _, text := range texts {
				ids = m.AppendRaw(ids[:0], text)
				n += len(ids)
				for _, id := range ids {
					hash = (hash ^ uint64(id)) * 0x100000001b3
				}
			}
			fmt.Println(hash, 0, n)
			continue
		}
		threads, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		n := 0
		cpu, start := cpuTime(), time.Now()
		if threads == 1 {
			for _, text := range texts {
				ids = m.AppendRaw(ids[:0], text)
				n += len(ids)
			}
		} else {
			for _, ids := range m.BatchRaw(texts, threads) {
				n += len(ids)
			}
		}
		fmt.Println(time.Since(start).Seconds(), (cpuTime() - cpu).Seconds(), n)
	}
	return lines.Err()
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
