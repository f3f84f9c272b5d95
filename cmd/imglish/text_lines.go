package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"time"

	"github.com/sourcegraph/conc/stream"
	"github.com/spf13/cobra"
)

// maxLine bounds a line of input, bytes.
const maxLine = 64 << 20

// A batch of lines is what one thread takes at a time.
const (
	batchLines = 1024
	batchBytes = 256 << 10
)

// textLine is a line of input without its line break.
type textLine struct {
	file   string
	number int    // in the file, from 1
	index  uint64 // in all files, from 0
	text   []byte
}

// lineWorker turns lines into output. Each thread has its own.
type lineWorker interface {
	// line appends a line's output to dst.
	line(dst []byte, l textLine) (out []byte, n textCount, err error)
}

// textCount is how much text went through: its bytes, and the ids that stand for them.
type textCount struct{ bytes, tokens int }

// mapLines runs the lines of the files, or of standard input if there are none, through workers, some at a time, and
// writes what comes out in the order of the lines. It stops at the first bad line; what stands before it is written.
// Long work says how fast it is on standard error.
func mapLines(cmd *cobra.Command, verb string, files []string, threads int, newWorker func() lineWorker) error {
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	rate := textRate{p: newProgress(cmd.ErrOrStderr(), verb+" lines"), start: time.Now()}
	workers := make(chan lineWorker, threads)
	for range threads {
		workers <- newWorker()
	}
	s := stream.New().WithMaxGoroutines(threads)
	read := eachBatch(ctx, cmd.InOrStdin(), files, func(batch []textLine) {
		s.Go(func() stream.Callback {
			w := <-workers
			var dst []byte
			var err error
			sum, lines := textCount{}, 0
			for _, l := range batch {
				var n textCount
				if dst, n, err = w.line(dst, l); err != nil {
					err = fmt.Errorf("%s, line %d: %w", l.file, l.number, err)
					break
				}
				lines, sum = lines+1, textCount{sum.bytes + n.bytes, sum.tokens + n.tokens}
			}
			workers <- w
			return func() { // one at a time, in order
				if ctx.Err() != nil {
					return
				}
				if _, werr := out.Write(dst); werr != nil {
					err = werr
				}
				if err != nil {
					cancel(err)
				}
				rate.add(lines, sum)
			}
		})
	})
	s.Wait()
	rate.finish()
	err := context.Cause(ctx)
	if err == nil {
		err = read
	}
	if flushed := out.Flush(); err == nil { // else it may be the same again
		err = flushed
	}
	return err
}

// eachBatch reads lines and hands them over in batches.
func eachBatch(ctx context.Context, in io.Reader, files []string, f func([]textLine)) (err error) {
	var batch []textLine
	size := 0
	for l, bad := range inputLines(ctx, in, files) {
		if err = bad; err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			break
		}
		l.text = bytes.Clone(l.text)
		batch = append(batch, l)
		if size += len(l.text); len(batch) == batchLines || size >= batchBytes {
			f(batch)
			batch, size = nil, 0
		}
	}
	if len(batch) > 0 { // also before an error: the lines before it are good
		f(batch)
	}
	return err
}

// inputLines yields the lines of the files, or of in if there are none. A line's text is there until the next one.
func inputLines(ctx context.Context, in io.Reader, files []string) iter.Seq2[textLine, error] {
	return func(yield func(textLine, error) bool) {
		index := uint64(0)
		read := func(name string, r io.Reader) (more bool) {
			buffered := bufio.NewReaderSize(waiting{ctx, r}, 1<<16)
			if head, _ := buffered.Peek(4); packed(head) != "" {
				yield(textLine{}, fmt.Errorf("%s is packed with %s: unpack it, as in %[2]s -dc FILE | imglish text …", name, packed(head)))
				return false
			}
			lines := bufio.NewScanner(buffered)
			lines.Buffer(nil, maxLine)
			lines.Split(wholeLines)
			n := 0
			for lines.Scan() {
				n++
				if !yield(textLine{name, n, index, lines.Bytes()}, nil) {
					return false
				}
				index++
			}
			err := lines.Err()
			switch {
			case err == nil:
				return true
			case errors.Is(err, bufio.ErrTooLong):
				err = fmt.Errorf("%s, line %d: longer than %d MiB; cut it into lines", name, n+1, maxLine>>20)
			default:
				err = fmt.Errorf("read %s: %w", name, err)
			}
			yield(textLine{}, err)
			return false
		}
		if len(files) == 0 {
			read("standard input", in)
		}
		for _, name := range files { // all before hours of work on the first
			at, err := os.Stat(name)
			if err == nil && at.IsDir() {
				err = fmt.Errorf("%s is a folder: name files", name)
			}
			if err != nil {
				yield(textLine{}, err)
				return
			}
		}
		for _, name := range files {
			file, err := os.Open(name)
			if err != nil {
				yield(textLine{}, err)
				return
			}
			more := read(name, file)
			file.Close()
			if !more {
				return
			}
		}
	}
}

// packed is the program that has made a file with this head, where it is none that texts begin with: to take the bytes
// for text would make nonsense of them without a word.
func packed(head []byte) string {
	for program, magic := range map[string]string{"gzip": "\x1f\x8b\x08", "zstd": "\x28\xb5\x2f\xfd", "xz": "\xfd7zX"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return program
		}
	}
	return ""
}

// waiting is a reader that an interrupt gets out of a read that waits: for a terminal, or for a pipe that brings nothing.
type waiting struct {
	ctx context.Context
	r   io.Reader
}

func (w waiting) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := w.r.Read(p)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-w.ctx.Done():
		return 0, context.Cause(w.ctx)
	}
}

// wholeLines is bufio.ScanLines that leaves a carriage return where it is: it is a byte of the text.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// textRate says how fast text goes through. It is quiet where all is done at once.
type textRate struct {
	p     *progress
	start time.Time
	lines int
	textCount
}

func (r *textRate) add(lines int, n textCount) {
	r.lines, r.bytes, r.tokens = r.lines+lines, r.bytes+n.bytes, r.tokens+n.tokens
	r.p.update(int64(r.lines), 0, r.note(time.Since(r.start)))
}

func (r *textRate) note(took time.Duration) string {
	return fmt.Sprintf("%.1f MB/s, %.3f tokens a byte", float64(r.bytes)/1e6/took.Seconds(), float64(r.tokens)/float64(max(r.bytes, 1)))
}

func (r *textRate) finish() {
	r.p.finish()
	if took := time.Since(r.start); took >= progressAfter {
		fmt.Fprintf(r.p.w, "%s: %d, %.1f MB of text in %.1f s, %s\n", r.p.label, r.lines, float64(r.bytes)/1e6, took.Seconds(), r.note(took))
	}
}
