package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/wikipedia"
)

const (
	wikipediaDump = ".cache/demo-data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
	codeBytes     = 6 << 20
	trainingCode  = 10 << 20
	cjkBytes      = 4 << 20
	nospaceBytes  = 1_000_000
	largeTexts    = ".cache/train-texts"
)

// textModels are trained by Google's trainer from the texts themselves: name, type, pieces, and whether it is for Chinese
// and Japanese.
var textModels = []struct {
	name, kind string
	pieces     int
	cjk        bool
}{
	{"uni8k", "unigram", 8000, false}, {"uni32k", "unigram", 32000, false}, {"uni64k", "unigram", 64000, false},
	{"bpe8k", "bpe", 8000, false}, {"bpe32k", "bpe", 32000, false},
	{"cjkuni32k", "unigram", 32000, true}, {"cjkbpe32k", "bpe", 32000, true},
}

// prepareTexts leaves the peers, the texts and the models in dir, each made once.
func prepareTexts(ctx context.Context, dir string) error {
	if err := command(ctx, "bench/peers/sentencepiece/install.sh", dir); err != nil {
		return err
	}
	made := map[string]func() ([]byte, error){
		"english.txt": func() ([]byte, error) { return englishText(ctx) },
		"large.txt":   func() ([]byte, error) { return largeText(ctx) },
		"code.txt":    func() ([]byte, error) { return codeText(codeBytes) },
		"cjk.txt":     func() ([]byte, error) { return cjkText(filepath.Join(dir, "cjk.raw")) },
		"nospace.txt": func() ([]byte, error) { return withoutSpaces(ctx) },
		"train.txt": func() ([]byte, error) {
			english, err := englishText(ctx)
			code, err2 := codeText(trainingCode)
			return toLines(append(english, code...)), errors.Join(err, err2)
		},
		"traincjk.txt": func() ([]byte, error) {
			english, err := englishText(ctx)
			cjk, err2 := cjkText(filepath.Join(dir, "cjk.raw"))
			return toLines(append(english, cjk...)), errors.Join(err, err2)
		},
	}
	for name, make := range made {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		data, err := make()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	for _, m := range textModels {
		path := filepath.Join(dir, m.name+".model")
		if _, err := os.Stat(path); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: training %s, once\n", m.name)
		input := "train.txt"
		args := []string{"--model_type=" + m.kind, fmt.Sprintf("--vocab_size=%d", m.pieces), "--hard_vocab_limit=false",
			"--max_sentence_length=20000", fmt.Sprintf("--num_threads=%d", runtime.NumCPU())}
		if m.cjk {
			input = "traincjk.txt"
			args = append(args, "--byte_fallback=true")
		}
		prefix := filepath.Join(dir, "new")
		args = append(args, "--input="+filepath.Join(dir, input), "--model_prefix="+prefix)
		log, err := exec.CommandContext(ctx, ".cache/sentencepiece/bin/spm_train", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("spm_train: %w\n%s", err, log[max(0, len(log)-1000):])
		}
		if err := os.Rename(prefix+".model", path); err != nil {
			return err
		}
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// englishText is a Wikipedia excerpt's paragraphs, a NUL behind each.
func englishText(ctx context.Context) ([]byte, error) {
	c := wikipedia.Defaults()
	c.Dump = wikipediaDump
	source, err := wikipedia.New(c)
	if err != nil {
		return nil, err
	}
	rows, err := source.Open(ctx, pipeline.Cursor{})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []byte
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if row.Result.Sample == nil {
			continue
		}
		for _, part := range row.Result.Sample.Parts {
			for line := range strings.SplitSeq(part.Text, "\n") {
				if strings.TrimSpace(line) != "" {
					out = append(append(out, line...), 0)
				}
			}
		}
	}
}

// largeText is 29 MB of English lines of many kinds, a NUL behind each: what diff-train trains on.
func largeText(ctx context.Context) ([]byte, error) {
	path := filepath.Join(largeTexts, "en.train")
	if _, err := os.Stat(path); err != nil {
		if err := command(ctx, "build/sentencepiece/train_texts.py", largeTexts); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(path)
	return []byte(strings.ReplaceAll(string(data), "\n", "\x00")), err
}

// codeText is files of Go's standard library, a NUL behind each.
func codeText(size int) (out []byte, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.Contains(path, "testdata") {
			return err
		}
		if len(out) >= size {
			return fs.SkipAll
		}
		data, err := os.ReadFile(path)
		if strings.IndexByte(string(data), 0) < 0 {
			out = append(append(out, data...), 0)
		}
		return err
	})
	return out, err
}

var manualMarks = regexp.MustCompile(`\\f[A-Z]|\\-|\\&|\s`)

// cjkText is paragraphs of about 200 characters without spaces, of the lines that are mostly Chinese or Japanese.
func cjkText(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []byte
	length := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") || !utf8.ValidString(line) {
			continue
		}
		line = strings.ReplaceAll(manualMarks.ReplaceAllString(line, ""), "\x00", "")
		n, ours := 0, 0
		for _, r := range line {
			n++
			if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) {
				ours++
			}
		}
		if 10*ours <= 6*n {
			continue
		}
		out = append(out, line...)
		if length += n; length > 200 {
			out = append(out, 0)
			length = 0
		}
		if len(out) > cjkBytes {
			break
		}
	}
	return out, nil
}

// withoutSpaces is one text of English letters and marks without any space.
func withoutSpaces(ctx context.Context) ([]byte, error) {
	english, err := englishText(ctx)
	var out []byte
	for _, c := range english {
		if c > ' ' && c < 0x7f && len(out) < nospaceBytes {
			out = append(out, c)
		}
	}
	return append(out, 0), err
}

func toLines(texts []byte) []byte {
	return []byte(strings.ReplaceAll(string(texts), "\x00", "\n"))
}
