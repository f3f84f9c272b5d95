package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestAnswers: memory comes back when the last record that points into it is settled, and never before.
func TestAnswers(t *testing.T) {
	p := &answers{}
	a := p.get(minAnswer + 5)
	a.left.Add(2)
	first := &a.buf[0]
	a.settle()
	if b := p.get(minAnswer); &b.buf[0] == first {
		t.Fatal("memory is used again while a record points into it")
	}
	a.settle()
	b := p.get(minAnswer + 100) // fits, since room is made in steps
	if &b.buf[0] != first || len(b.buf) != minAnswer+100 {
		t.Fatalf("settled memory is not used again: %d bytes, new %t", len(b.buf), &b.buf[0] != first)
	}
	if c := p.get(10); c.home != nil {
		t.Error("small memory is kept")
	}
	var none *answer
	none.settle() // records of sources and of compressed batches have none
	var held []*answer
	for i := range maxFree + 2 {
		a := p.get((i + 1) * minAnswer)
		a.left.Add(1)
		held = append(held, a)
	}
	for _, a := range held {
		a.settle()
	}
	if len(p.free) != maxFree {
		t.Fatalf("%d are kept, want %d", len(p.free), maxFree)
	}
	for _, a := range p.free {
		if cap(a.buf) < 3*minAnswer {
			t.Errorf("%d bytes are kept, and larger ones are not", cap(a.buf))
		}
	}
}

// TestAnswersUnderWork sends large records through two stages whose calls overlap, over memory that is used again: what
// each stage and the sink see of a sample is what the source made of it. Under the race detector memory is overwritten
// when it is free, so that a late look finds another view.
func TestAnswersUnderWork(t *testing.T) {
	const rows, size = 400, 100 << 10
	source := &numbers{name: "one", rows: []int{rows}, pad: size}
	sink := newMemorySink("")
	var (
		mu         sync.Mutex
		made, seen = map[string]int{}, map[string]int{}
	)
	look := func(s *Sample) error {
		want := fill(s.Source.Key, size)
		if len(s.Views) != 1 || !bytes.Equal(s.Views[0].Encoded, want) {
			return fmt.Errorf("sample %s holds another view than its own", s.Source.Key)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[s.Source.Key]++
		return nil
	}
	b := testBuilders(sink, source)
	work := Work{Concurrency: 4, Batch: 4, Window: 64}
	b.Stages["a"] = Build(noSettings{}, work, func(context.Context, noSettings, Env) (Stage, error) {
		return Each(func(_ context.Context, s *Sample) (Result, error) {
			s.Views = []*View{{Encoded: fill(s.Source.Key, size), Encoding: "none"}}
			mu.Lock()
			defer mu.Unlock()
			made[s.Source.Key] = 2 // looks at each
			return Keep(s), nil
		}), nil
	})
	b.Stages["b"] = Build(noSettings{}, work, func(context.Context, noSettings, Env) (Stage, error) {
		return Each(func(ctx context.Context, s *Sample) (Result, error) {
			if err := look(s); err != nil {
				return Result{}, fmt.Errorf("%w: %w", ErrFatal, err)
			}
			if len(s.Source.Key)%2 == 0 {
				pause(ctx, time.Millisecond) // batches end out of order
			}
			return Keep(s), look(s)
		}), nil
	})
	text := fmt.Sprintf("line: again\ndata: %s\nlanes: 2\ngraph: [[source],[a],[b],[sink]]\nsources: [{one: {}}]\n", t.TempDir())
	cfg, err := Parse("graph.yaml", []byte(text), b)
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	for key, times := range made { // a lane that had to begin again has looked at some once more
		if seen[key] < times {
			t.Errorf("sample %s was looked at %d times, want %d", key, seen[key], times)
		}
	}
	if len(seen) != len(made) || len(made) < rows/2 {
		t.Errorf("%d samples were made, and %d were looked at", len(made), len(seen))
	}
}

// fill is a view that belongs to one key alone.
func fill(key string, size int) []byte {
	return bytes.Repeat([]byte(key+"/"), size/(len(key)+1)+1)[:size]
}
