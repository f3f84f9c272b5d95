package trainer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/imglish/imglish/durable"
)

// LossFile is the log in a run's folder: one JSON line a step.
const LossFile = "loss.jsonl"

// Report is one step's line. Losses are means over masked positions, null where a batch has none of a kind.
type Report struct {
	Step      int64    `json:"step"` // from 0
	Total     *float64 `json:"loss"` // sum of the terms, with their weights; null if not finite
	Image     *float64 `json:"image"`
	Text      *float64 `json:"text"`
	PairImage *float64 `json:"pair_image"`
	PairText  *float64 `json:"pair_text"`
	LR        float64  `json:"lr"`
	GradNorm  *float64 `json:"grad_norm"` // before clipping; null if not finite
	Skipped   bool     `json:"skipped,omitempty"`
	Tokens    int      `json:"tokens"` // rows that went through the model: class tokens, patches and pieces
	Masked    int      `json:"masked"` // predicted positions
	Seconds   float64  `json:"seconds"`
	Wait      float64  `json:"wait_seconds"` // of that, waiting for the batch
}

func report(step int64, lr float64, r result, took, wait time.Duration) Report {
	finite := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	rep := Report{
		Step: step, Total: finite(r.total), Image: finite(r.losses.Image), Text: finite(r.losses.Text), PairImage: finite(r.losses.PairImage), PairText: finite(r.losses.PairText),
		LR: lr, GradNorm: finite(r.gradNorm), Skipped: !r.finite, Tokens: r.tokens, Seconds: took.Seconds(), Wait: wait.Seconds(),
	}
	for _, n := range r.count {
		rep.Masked += n
	}
	return rep
}

// lossLog appends reports to a file.
type lossLog struct{ f *os.File }

// openLossLog keeps the lines of steps before next and drops the rest: those steps will be made again.
func openLossLog(path string, next int64) (*lossLog, error) {
	old, err := ReadLosses(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var text bytes.Buffer
	for _, r := range old {
		if r.Step < next {
			line, err := json.Marshal(r)
			if err != nil {
				return nil, err
			}
			text.Write(append(line, '\n'))
		}
	}
	if err := durable.WriteFile(path, text.Bytes()); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return &lossLog{f}, err
}

func (l *lossLog) add(r Report) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = l.f.Write(append(line, '\n'))
	return err
}

func (l *lossLog) close() error { return errors.Join(l.f.Sync(), l.f.Close()) }

// ReadLosses reads a loss log. A last line that was cut off by a crash is left out.
func ReadLosses(path string) ([]Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Report
	s := bufio.NewScanner(f)
	for s.Scan() {
		var r Report
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			if !s.Scan() {
				break
			}
			return nil, fmt.Errorf("%s: line %d: %w", path, len(out)+1, err)
		}
		out = append(out, r)
	}
	return out, s.Err()
}
