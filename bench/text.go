package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
)

// textTask is a text that is encoded with a model.
type textTask struct {
	text, model string
	hf          bool // Hugging Face's tokenizers too
}

var textTasks = []textTask{
	{"english", "uni8k", false}, {"english", "uni32k", true}, {"english", "uni64k", false},
	{"english", "bpe8k", false}, {"english", "bpe32k", true},
	{"large", "uni8k", false}, {"large", "uni32k", false}, {"large", "uni64k", false}, {"large", "bpe32k", false},
	{"code", "uni32k", false}, {"code", "bpe32k", false},
	{"cjk", "cjkuni32k", false}, {"cjk", "cjkbpe32k", false},
	{"nospace", "uni32k", false}, {"nospace", "bpe32k", false},
}

// texts measures ids alone: ours, Google's SentencePiece called from C++, and Hugging Face's tokenizers. Ours and Google's
// must be the same ids.
func texts(ctx context.Context, h *host) error {
	dir := filepath.Join(h.cache, "text")
	if err := prepareTexts(ctx, dir); err != nil {
		return err
	}
	for _, t := range textTasks {
		if err := t.compare(ctx, h, dir); err != nil {
			return fmt.Errorf("%s with %s: %w", t.text, t.model, err)
		}
	}
	return nil
}

// encoder is a process that encodes all texts of a file for each line that it gets; see peers/sentencepiece/encode.cc.
type encoder struct {
	server
	threads int
	passes  int  // how often it goes over all texts in a round, so that a round lasts
	cold    bool // a new process each time: nothing was seen before
}

// ask sends a line and returns the three numbers of the answer.
func (e *encoder) ask(ctx context.Context, line string) (a answer, err error) {
	if e.cold {
		if err := e.stop(); err != nil {
			return a, err
		}
	}
	text, err := e.server.ask(ctx, line)
	if err != nil {
		return a, err
	}
	if _, err := fmt.Sscan(text, &a.first, &a.cpu, &a.ids); err != nil {
		return a, fmt.Errorf("%s answered %q: %w", e.name, text, err)
	}
	return a, nil
}

// answer is an encoder's.
type answer struct {
	first string // seconds, or a hash
	cpu   float64
	ids   int
}

func (t textTask) compare(ctx context.Context, h *host, dir string) (err error) {
	model, text := filepath.Join(dir, t.model+".model"), filepath.Join(dir, t.text+".txt")
	info, err := os.Stat(text)
	if err != nil {
		return err
	}
	ours := []string{os.Args[0]}
	env := []string{textVariable + "=" + model + "\n" + text}
	google := []string{filepath.Join(dir, "encode"), model, text}
	hf := []string{filepath.Join(dir, "python", "bin", "python"), "bench/peers/sentencepiece/hf.py", model, text}
	cores := runtime.NumCPU()
	each := fmt.Sprintf(", %d threads", cores)
	all := []*encoder{
		{server: server{name: "imglish", args: ours, env: env}, threads: 1, passes: 10},
		{server: server{name: "imglish, first time over", args: ours, env: env}, threads: 1, passes: 1, cold: true},
		{server: server{name: "Google", args: google}, threads: 1, passes: 2},
		{server: server{name: "imglish" + each, args: ours, env: env}, threads: cores, passes: 10},
		{server: server{name: "Google" + each, args: google}, threads: cores, passes: 2},
	}
	if t.hf {
		all = append(all, &encoder{server: server{name: "HF", args: hf}, threads: 1, passes: 1},
			&encoder{server: server{name: "HF" + each, args: hf}, threads: cores, passes: 1})
	}
	all = slices.DeleteFunc(all, func(e *encoder) bool { return !h.wants(e.name) })
	defer func() {
		for _, e := range all {
			err = errors.Join(err, e.stop())
		}
	}()
	if err := t.sameIDs(ctx, all); err != nil {
		return err
	}
	rates, cpu, ids := map[string][]float64{}, map[string][]float64{}, map[string]int{}
	size := float64(info.Size()) / 1e6
	for round := -1; round < h.rounds; round++ { // the one before the first warms up, and does not count
		for i := range all {
			e := all[(i+round+1)%len(all)]
			got, err := e.ask(ctx, fmt.Sprint(e.threads, " ", e.passes))
			if err != nil {
				return err
			}
			seconds, err := strconv.ParseFloat(got.first, 64)
			if err != nil {
				return err
			}
			rate, perCPU := size*float64(e.passes)/seconds, size*float64(e.passes)/got.cpu
			if round >= 0 {
				rates[e.name] = append(rates[e.name], rate)
				cpu[e.name] = append(cpu[e.name], perCPU)
			}
			ids[e.name] = got.ids / e.passes
			fmt.Fprintf(os.Stderr, "bench: %s, %s: round %d of %d: %-26s %8.1f MB/s, %8.1f MB a second of CPU\n",
				t.text, t.model, round+1, h.rounds, e.name, rate, perCPU)
		}
	}
	fmt.Printf("%s (%.1f MB), %s, %d rounds:\n\n", t.text, size, t.model, h.rounds)
	w := newTable()
	fmt.Fprintln(w, "\tMB/s\tspread\tof Google's\tspread\tMB a CPU s\tof Google's\tspread\tids\t")
	for _, e := range all {
		r, c := rates[e.name], cpu[e.name]
		fmt.Fprintf(w, "%s\t%.1f\t%.1f-%.1f\t%s\t%.1f\t%s\t%d\t\n", e.name,
			median(r), slices.Min(r), slices.Max(r), relative(r, rates["Google"]), median(c), relative(c, cpu["Google"]), ids[e.name])
	}
	w.Flush()
	fmt.Println()
	return nil
}

// relative is the median and the spread of ratios within rounds, as two cells.
func relative(values, base []float64) string {
	if len(values) != len(base) {
		return "\t"
	}
	ratios := make([]float64, len(values))
	for i := range values {
		ratios[i] = values[i] / base[i]
	}
	return fmt.Sprintf("%.2f\t%.2f-%.2f", median(ratios), slices.Min(ratios), slices.Max(ratios))
}

// sameIDs holds ours to Google's ids. HF's differ in some texts: it splits at spaces first, and adds in float64.
func (t textTask) sameIDs(ctx context.Context, all []*encoder) error {
	hashes := map[string]string{}
	for _, e := range all {
		if e.threads == 1 && !e.cold && e.name != "HF" {
			got, err := e.ask(ctx, "hash")
			if err != nil {
				return err
			}
			hashes[e.name] = fmt.Sprintf("%d ids of hash %s", got.ids, got.first)
		}
	}
	if a, b := hashes["imglish"], hashes["Google"]; a != b && len(hashes) == 2 {
		return fmt.Errorf("imglish gives %s, Google %s", a, b)
	}
	return nil
}
