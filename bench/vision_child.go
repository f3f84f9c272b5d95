package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

// A process that finds this variable encodes pictures, as peers/vision/serve.py does; the variable holds a visionTask.
const visionVariable = "IMGLISH_BENCH_VISION"

type visionTask struct {
	Weights, Pictures string
	Threads, Batch    int
	ISA               string // best or avx2
	Precision         tensor.Precision
	Profile           string // folder for a CPU profile; empty: none
}

func encodePictures(text string) error {
	var t visionTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	isa, err := cpu.ParseISA(t.ISA)
	if err != nil {
		return err
	}
	b, err := cpu.NewWith(cpu.Options{Threads: t.Threads, ISA: isa})
	if err != nil {
		return err
	}
	defer b.Close()
	tok, err := vqkd.Load(b, t.Weights, vqkd.Options{Precision: t.Precision})
	if err != nil {
		return err
	}
	defer tok.Close()
	pixels, err := os.ReadFile(t.Pictures)
	if err != nil {
		return err
	}
	if t.Profile != "" {
		f, err := os.Create(filepath.Join(t.Profile, fmt.Sprintf("vision-%v-b%d-t%d.prof", t.Precision, t.Batch, t.Threads)))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, picture := context.Background(), tok.Side()*tok.Side()*3
	size, done := t.Batch*picture, 0
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "codes" {
			codes, err := tok.Encode(ctx, pixels, len(pixels)/picture)
			if err != nil {
				return err
			}
			raw, err := binary.Append(nil, binary.BigEndian, codes)
			if err != nil {
				return err
			}
			fmt.Println(hex.EncodeToString(raw))
			continue
		}
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		start := time.Now()
		for range count {
			from := done * size % len(pixels)
			if _, err := tok.Encode(ctx, pixels[from:from+size], t.Batch); err != nil {
				return err
			}
			done++
		}
		fmt.Println(time.Since(start).Seconds())
	}
	return lines.Err()
}
