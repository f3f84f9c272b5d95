package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/imglish/imglish/sentencepiece"
)

type options struct {
	lib, dump, only string
	lines, threads  int
	seed            uint64
	long            bool
	golden          string
}

func main() {
	var o options
	flag.StringVar(&o.lib, "lib", ".cache/sentencepiece", "folder of Google's library, as build/sentencepiece/install.sh makes it")
	flag.StringVar(&o.dump, "dump", ".cache/demo-data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", "Wikipedia dump, bzip2")
	flag.IntVar(&o.lines, "lines", 1_000_000, "lines in all, at least")
	flag.IntVar(&o.threads, "threads", 2, "models at the same time")
	flag.Uint64Var(&o.seed, "seed", 1, "draws other lines")
	flag.BoolVar(&o.long, "long", true, "also lines of up to 10 MB for each model")
	flag.IntVar(&nbest, "nbest", nbest, "segmentations of Unigram models that are compared")
	flag.IntVar(&nbestBytes, "nbest-bytes", nbestBytes, "of texts up to so long")
	flag.StringVar(&o.only, "only", "", "models whose names this expression matches, all if empty")
	flag.StringVar(&o.golden, "golden", "", "write golden files into this folder instead")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

var errDiffer = errors.New("texts differ")

func run(o options) error {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "diff: "+format+"\n", args...) }
	program := filepath.Join(o.lib, "bin", "original")
	if err := buildOriginal(o.lib, program); err != nil {
		return err
	}
	c, err := readCorpus(o.dump, o.lib)
	if err != nil {
		return err
	}
	if o.golden != "" {
		return writeGolden(o, program, c, say)
	}
	models, err := makeModels(o.lib, filepath.Join(o.lib, "models"), c, trainings, edits, say)
	if err != nil {
		return err
	}
	models = append(models, shippedModels(o.lib)...)
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	models = slices.DeleteFunc(models, func(m model) bool { return !only.MatchString(m.name) })
	out := filepath.Join(o.lib, "differ.jsonl")
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	r := &report{file: file, kinds: map[string]int{}, failures: map[string]int{}}
	each := o.lines/max(1, len(models)) + 1
	var group sync.WaitGroup
	slots := make(chan struct{}, o.threads)
	errs := make([]error, len(models))
	for i, m := range models {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			if errs[i] = compareModel(r, program, m, c, each, o, uint64(i)); errs[i] != nil {
				say("%v", errs[i])
			}
			lines, differ := r.count()
			say("%-36s %6.1fs, so far %d lines, %d differ", m.name, time.Since(start).Seconds(), lines, differ)
		})
	}
	group.Wait()
	if err := sampling(program, models, c, say); err != nil {
		errs = append(errs, err)
	}
	for _, k := range slices.Sorted(maps.Keys(r.kinds)) {
		fmt.Printf("%8d %s\n", r.kinds[k], k)
	}
	for _, k := range slices.Sorted(maps.Keys(r.failures)) {
		fmt.Printf("%8d differ in %s\n", r.failures[k], k)
	}
	if r.differ > 0 {
		fmt.Printf("the differing texts: %s\n", out)
	}
	compared := 0
	for _, err := range errs[:len(models)] {
		if err == nil {
			compared++
		}
	}
	fmt.Printf("%.0f MB; %d lines, %d models: %d differ\n", float64(r.bytes)/1e6, r.lines, compared, r.differ)
	if r.differ > 0 {
		return errDiffer
	}
	return errors.Join(errs...)
}

func compareModel(r *report, program string, m model, c *corpus, lines int, o options, stream uint64) error {
	pieces, err := piecesOf(m.path)
	if err != nil {
		return fmt.Errorf("%s: the original takes it, we do not: %w", m.name, err)
	}
	return compare(r, program, m, newGenerator(c, pieces, o.seed<<32+stream).lines(lines, o.long))
}

// sampling compares what both libraries draw with some of the models.
func sampling(program string, models []model, c *corpus, say func(string, ...any)) error {
	g := newGenerator(c, nil, 9)
	for _, s := range []struct {
		model string
		alpha float32
		nbest int
	}{
		{"uni_nfkc", 0.1, -1}, {"uni_nfkc", 0.5, -1}, {"uni_nfkc", 1, -1}, {"uni_symbols", 0.2, -1}, {"uni_nfkc", 0.3, 8},
		{"bpe_nfkc_cf", 0.1, -1}, {"bpe_nfkc_cf", 0.5, -1}, {"bpe_symbols", 0.3, -1}, {"bpe_llama", 0.2, -1}, {"bpe_unused", 0.3, -1},
	} {
		i := slices.IndexFunc(models, func(m model) bool { return m.name == s.model })
		if i < 0 {
			continue
		}
		var texts []string
		for range 20 {
			texts = append(texts, cut(g.sentence(), 12))
		}
		deviation, err := compareSampling(program, models[i], texts, s.alpha, s.nbest)
		if err != nil {
			return err
		}
		say("%-20s alpha %.1f, of the best %d: the samples differ by %.1f standard deviations", s.model, s.alpha, s.nbest, deviation)
		if deviation > 5 {
			return fmt.Errorf("%s, alpha %v: samples differ by %.1f standard deviations", s.model, s.alpha, deviation)
		}
	}
	return nil
}

func piecesOf(path string) (pieces []string, err error) {
	m, err := sentencepiece.Load(path)
	if err != nil {
		return nil, err
	}
	for i := range m.Size() {
		pieces = append(pieces, m.Piece(int32(i)))
	}
	return pieces, nil
}

// buildOriginal compiles original.cc against the library, unless that is newer.
func buildOriginal(lib, program string) error {
	const source = "sentencepiece/diff/original/original.cc"
	src, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("run it in the project's folder: %w", err)
	}
	if built, err := os.Stat(program); err == nil && built.ModTime().After(src.ModTime()) {
		return nil
	}
	out, err := exec.Command("g++", "-O2", "-std=c++20", "-I", filepath.Join(lib, "include"), source, "-o", program,
		"-L", filepath.Join(lib, "lib"), "-lsentencepiece", "-lprotobuf-lite", "-lpthread").CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile %s: %w\n%s", source, err, out)
	}
	return nil
}
