package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/imglish/imglish/pixels"
)

// Arg is the first argument by which the program is started as a worker. It is not meant for people.
const Arg = "decode-worker"

// mark is set in a worker's environment, so that a program that ignores Arg does not start workers of its own.
const (
	mark      = "IMGLISH_DECODE_WORKER"
	memoryVar = "IMGLISH_DECODE_MEMORY"
)

// maxRequest bounds the encoded bytes of a picture, which the pool checks as well.
const maxRequest = 1 << 30

// RunIfWorker does a worker's work and ends the process if the program was started as a worker; otherwise it returns at
// once. Call it first in main, and in TestMain of packages whose tests use a Pool.
func RunIfWorker() {
	if len(os.Args) == 2 && os.Args[1] == Arg && os.Getenv(mark) != "" {
		os.Exit(work(os.Stdin, os.Stdout))
	}
}

// onRequest lets tests make a worker crash or hang.
var onRequest = func(data []byte) {}

// work answers requests until the pool closes the pipe.
func work(in io.Reader, out io.Writer) int {
	if n, err := strconv.ParseInt(os.Getenv(memoryVar), 10, 64); err == nil {
		if err := limitMemory(n); err != nil {
			fmt.Fprintf(os.Stderr, "limit memory: %v\n", err)
			return 1
		}
		debug.SetMemoryLimit(n / 2) // collect before the limit is met
	}
	if _, err := io.WriteString(out, hello); err != nil {
		return 1
	}
	r := bufio.NewReaderSize(in, 1<<16)
	for {
		var q request
		data, err := readFrame(r, &q, maxRequest)
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "read request: %v\n", err)
			return 1
		}
		// The pool kills a slow worker. Should the pool be gone, the worker must not hang on for ever.
		watchdog := time.AfterFunc(2*time.Duration(q.TimeoutMS)*time.Millisecond, func() { os.Exit(3) })
		onRequest(data)
		a, pix := answerTo(q, data)
		watchdog.Stop()
		if err := writeFrame(out, a, pix); err != nil {
			return 1
		}
	}
}

func answerTo(q request, data []byte) (answer, []byte) {
	im, info, err := pixels.Decode(data, pixels.Limits{MaxPixels: q.MaxPixels})
	if err != nil {
		a := answer{Info: info, Error: err.Error()}
		for i, k := range kinds {
			if errors.Is(err, k) {
				a.Kind = i + 1
				break
			}
		}
		return a, nil
	}
	if q.Turn > 1 {
		im = im.Turn(q.Turn)
	}
	a := answer{Info: info}
	if len(q.Cuts) == 0 {
		a.Sizes = [][2]int{{im.W, im.H}}
		return a, im.Pix
	}
	var all []byte
	for _, c := range q.Cuts {
		v := c.Of(im)
		a.Sizes = append(a.Sizes, [2]int{v.W, v.H})
		all = append(all, v.Pix...)
	}
	return a, all
}
