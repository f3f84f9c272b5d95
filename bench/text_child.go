package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sourcegraph/conc"

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
		var threads, passes int
		if _, err := fmt.Sscan(lines.Text(), &threads, &passes); err != nil {
			return err
		}
		var next, total atomic.Int64
		encode := func() {
			var ids []int32
			n := 0
			for i := next.Add(1) - 1; i < int64(passes*len(texts)); i = next.Add(1) - 1 {
				ids = m.AppendRaw(ids[:0], texts[i%int64(len(texts))])
				n += len(ids)
			}
			total.Add(int64(n))
		}
		cpu, start := cpuTime(), time.Now()
		var group conc.WaitGroup
		for range threads {
			group.Go(encode)
		}
		group.Wait()
		fmt.Println(time.Since(start).Seconds(), (cpuTime() - cpu).Seconds(), total.Load())
	}
	return lines.Err()
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
