package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/imglish/imglish/pixels"
)

// A process that finds this variable resizes a picture, as peers/vision/resize.py does; the variable holds a resizeTask.
const resizeVariable = "IMGLISH_BENCH_RESIZE"

// resizeTask says what is resized to what; Picture is raw uint8 [From[1], From[0], 3].
type resizeTask struct {
	Picture  string
	From, To [2]int // width, height
}

// resizes compares the exact resampler with Pillow, whose bytes it must give, on one thread each.
func resizes(ctx context.Context, h *host) error {
	dir := filepath.Join(h.cache, "vision")
	if err := visionScript(ctx, "build/demo-data.sh"); err != nil {
		return err
	}
	if err := visionScript(ctx, "bench/peers/vision/install.sh", dir, "pillow"); err != nil {
		return err
	}
	all, err := photos()
	if err != nil {
		return err
	}
	fmt.Printf("antialiased bicubic, one thread, %d rounds:\n\n", h.rounds)
	w := newTable()
	fmt.Fprintln(w, "from\tto\timglish, ms\tspread\tPillow, ms\tspread\ttimes as fast\tspread\t")
	for _, from := range [][2]int{{640, 480}, {1024, 768}, {4000, 3000}} {
		t := resizeTask{Picture: filepath.Join(dir, fmt.Sprintf("picture-%d.u8", from[0])), From: from}
		if err := os.WriteFile(t.Picture, all[0].Resize(from[0], from[1], pixels.Bicubic).Pix, 0o644); err != nil {
			return err
		}
		for _, t.To = range [][2]int{{341, 256}, {224, 224}} {
			ours, pillow, err := t.compare(ctx, h, dir)
			if err != nil {
				return fmt.Errorf("%v to %v: %w", t.From, t.To, err)
			}
			ratio := relative(pillow, ours)
			fmt.Fprintf(w, "%d×%d\t%d×%d\t%.2f\t%.2f-%.2f\t%.2f\t%.2f-%.2f\t%s\t\n", t.From[0], t.From[1], t.To[0], t.To[1],
				median(ours), slices.Min(ours), slices.Max(ours), median(pillow), slices.Min(pillow), slices.Max(pillow), ratio)
		}
	}
	w.Flush()
	fmt.Println()
	return nil
}

// compare gives milliseconds a picture, round by round.
func (t resizeTask) compare(ctx context.Context, h *host, dir string) (ours, pillow []float64, err error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, nil, err
	}
	args := []string{filepath.Join(dir, "pillow", "bin", "python"), "bench/peers/vision/resize.py", t.Picture}
	for _, n := range []int{t.From[0], t.From[1], t.To[0], t.To[1]} {
		args = append(args, strconv.Itoa(n))
	}
	both := []*server{{name: "imglish", args: []string{os.Args[0]}, env: []string{resizeVariable + "=" + string(text)}}, {name: "Pillow", args: args}}
	var hashes [2]string
	for i, s := range both {
		defer func() { err = errors.Join(err, s.stop()) }()
		if hashes[i], err = s.ask(ctx, "hash"); err != nil {
			return nil, nil, err
		}
	}
	if hashes[0] != hashes[1] {
		return nil, nil, errors.New("imglish and Pillow give different pictures")
	}
	times := map[string][]float64{}
	count := 1 + 20*640*480/(t.From[0]*t.From[1])
	for round := -1; round < h.rounds; round++ {
		for i := range both {
			s := both[(i+round+1)%2]
			text, err := s.ask(ctx, strconv.Itoa(count))
			if err != nil {
				return nil, nil, err
			}
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, nil, err
			}
			if round >= 0 {
				times[s.name] = append(times[s.name], 1000*seconds/float64(count))
			}
		}
	}
	return times["imglish"], times["Pillow"], nil
}

func resizePicture(text string) error {
	var t resizeTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	data, err := os.ReadFile(t.Picture)
	if err != nil {
		return err
	}
	im := &pixels.Image{W: t.From[0], H: t.From[1], Pix: data}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "hash" {
			fmt.Printf("%x\n", sha256.Sum256(im.Resize(t.To[0], t.To[1], pixels.Bicubic).Pix))
			continue
		}
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		start := time.Now()
		for range count {
			im.Resize(t.To[0], t.To[1], pixels.Bicubic)
		}
		fmt.Println(time.Since(start).Seconds())
	}
	return nil
}
