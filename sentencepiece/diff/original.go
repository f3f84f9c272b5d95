package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
)

// original is a process that answers what Google's library makes of texts.
type original struct {
	cmd *exec.Cmd
	in  *bufio.Writer
	raw io.Closer
	out *bufio.Reader
}

// answer is what it says of one text.
type answer struct {
	Err     string
	Normal  string
	IDs     []int32
	Spans   [][2]int
	Pieces  []string
	Alone   bool // the call that makes ids alone agrees with the one that makes all
	Decoded string
	Spelled string // decoded from the pieces
	NBest   []scoredIDs
}

type scoredIDs struct {
	Score float32
	IDs   []int32
}

// nbest is how many segmentations are compared, of texts of at most nbestBytes.
var nbest, nbestBytes = 10, 400

func startOriginal(program, model string) (*original, error) {
	return startWith(program, model, strconv.Itoa(nbest), strconv.Itoa(nbestBytes))
}

// startWith starts the original with other arguments; its answers are those of original.cc.
func startWith(program string, args ...string) (*original, error) {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &original{cmd, bufio.NewWriterSize(in, 1<<16), in, bufio.NewReaderSize(out, 1<<20)}, nil
}

// flushEvery is after how many texts the answers are asked for.
const flushEvery = 128

// flush hands over what was sent, and asks for the answers.
func (o *original) flush() error {
	if err := binary.Write(o.in, binary.NativeEndian, uint32(math.MaxUint32)); err != nil {
		return err
	}
	return o.in.Flush()
}

// send hands a text over. The answer may wait for flush.
func (o *original) send(text string) error {
	if err := binary.Write(o.in, binary.NativeEndian, uint32(len(text))); err != nil {
		return err
	}
	_, err := o.in.WriteString(text)
	return err
}

// done says that no more texts come.
func (o *original) done() error {
	if err := o.in.Flush(); err != nil {
		return err
	}
	return o.raw.Close()
}

func (o *original) answer() (a answer, err error) {
	defer func() {
		if r, ok := recover().(readError); ok {
			err = fmt.Errorf("the original's answer: %w", r.error)
		}
	}()
	if a.Err = o.string(); a.Err != "" {
		return a, nil
	}
	a.Normal = o.string()
	n := o.number()
	a.IDs, a.Spans, a.Pieces = make([]int32, n), make([][2]int, n), make([]string, n)
	for i := range n {
		a.IDs[i] = int32(o.number())
		a.Spans[i] = [2]int{int(o.number()), int(o.number())}
		a.Pieces[i] = o.string()
	}
	a.Alone = o.number() == 0
	a.Decoded, a.Spelled = o.string(), o.string()
	a.NBest = make([]scoredIDs, o.number())
	for i := range a.NBest {
		a.NBest[i].Score = math.Float32frombits(o.number())
		a.NBest[i].IDs = make([]int32, o.number())
		for j := range a.NBest[i].IDs {
			a.NBest[i].IDs[j] = int32(o.number())
		}
	}
	return a, nil
}

// readError carries what number and string meet up to answer.
type readError struct{ error }

func (o *original) number() uint32 {
	var b [4]byte
	if _, err := io.ReadFull(o.out, b[:]); err != nil {
		panic(readError{err})
	}
	return binary.NativeEndian.Uint32(b[:])
}

func (o *original) string() string {
	b := make([]byte, o.number())
	if _, err := io.ReadFull(o.out, b); err != nil {
		panic(readError{err})
	}
	return string(b)
}
