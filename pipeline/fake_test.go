package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// numbers is a source of numbered rows. Every ninth row cannot be read.
type numbers struct {
	name  string
	rows  []int              // of each file
	trips int                // row at which reading fails; 0: never
	pad   int                // bytes of ballast a row
	gate  func(row int) bool // whether a row may be read yet; nil: at once
}

func (n *numbers) Dataset() string { return n.name }

func (n *numbers) Files(context.Context) ([]File, error) {
	var out []File
	for i, rows := range n.rows {
		out = append(out, File{Name: fmt.Sprintf("%s-%d", n.name, i), Size: int64(rows), Fingerprint: "x"})
	}
	return out, nil
}

func (n *numbers) total() int {
	t := 0
	for _, r := range n.rows {
		t += r
	}
	return t
}

func (n *numbers) fileOf(row int) int {
	for i, r := range n.rows {
		if row < r {
			return i
		}
		row -= r
	}
	return len(n.rows)
}

func (n *numbers) Open(_ context.Context, after Cursor) (Rows, error) {
	if after.Row > 0 && after.Place != strconv.FormatInt(after.Row, 10) {
		return nil, fmt.Errorf("cursor %+v", after)
	}
	return &numberRows{n, int(after.Row)}, nil
}

type numberRows struct {
	n    *numbers
	next int
}

func (r *numberRows) Next(ctx context.Context) (Row, error) {
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	g := r.next
	if g >= r.n.total() {
		return Row{}, io.EOF
	}
	if r.n.trips > 0 && g >= r.n.trips {
		return Row{}, errors.New("disk on fire")
	}
	for r.n.gate != nil && !r.n.gate(g) {
		if !pause(ctx, 10*time.Millisecond) {
			return Row{}, ctx.Err()
		}
	}
	r.next++
	row := Row{After: Cursor{Row: int64(g + 1), File: r.n.fileOf(g), Place: strconv.Itoa(g + 1)}, File: r.n.fileOf(g)}
	origin := &Origin{Dataset: r.n.name, Key: strconv.Itoa(g), Revision: "1"}
	if g%9 == 4 {
		row.Result = Drop("bad-row", "")
		row.Skip.Source = origin
		return row, nil
	}
	row.Result = Keep(&Sample{
		Id: SampleID(r.n.name, origin.Key, "1"), Kind: Kind_TEXT, Source: origin,
		Parts: []*Part{{Text: fmt.Sprintf("row %d of %s", g, r.n.name)}},
		Views: ballast(r.n.pad, g),
	})
	return row, nil
}

func ballast(size, g int) []*View {
	if size == 0 {
		return nil
	}
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(g), byte(g >> 8)}).Read(b)
	return []*View{{Encoded: b}}
}

func (r *numberRows) Left() (int64, int64, string) {
	return int64(r.next), int64(r.n.total()), "rows"
}
func (r *numberRows) Close() error { return nil }

// memorySink keeps ranges as a store would: what is durable survives, what is buffered goes with a Drop. With a folder it
// keeps them on disk, created only if absent, for tests that kill the process.
type memorySink struct {
	dir   string
	every int

	mu      sync.Mutex
	ranges  map[int][]memoryRange // by lane
	buffers map[int]*memoryBuffer
}

type memoryRange struct {
	Line     string   `json:"line"`
	From, To uint64   // seq, To excluded
	Rows     []string // what came
	At       Position
}

type memoryBuffer struct {
	next int64
	out  []Outcome
}

func newMemorySink(dir string) *memorySink {
	return &memorySink{dir: dir, every: 50, ranges: map[int][]memoryRange{}, buffers: map[int]*memoryBuffer{}}
}

func (m *memorySink) lane(n int) ([]memoryRange, error) {
	if m.dir == "" {
		return m.ranges[n], nil
	}
	var out []memoryRange
	next := uint64(0)
	for {
		data, err := os.ReadFile(filepath.Join(m.dir, fmt.Sprintf("lane%03d-%06d", n, next)))
		if errors.Is(err, os.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var r memoryRange
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, err
		}
		out = append(out, r)
		next = r.To
	}
}

func (m *memorySink) position(n int) (Position, error) {
	ranges, err := m.lane(n)
	if err != nil || len(ranges) == 0 {
		return noPosition(), err
	}
	return ranges[len(ranges)-1].At, nil
}

func (m *memorySink) Resume(_ context.Context, l Lane) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.position(l.Number)
	m.buffers[l.Number] = &memoryBuffer{next: p.LastSeq + 1}
	return p, err
}

func (m *memorySink) Drop(l Lane) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buffers, l.Number)
}

func (m *memorySink) Close() error { return nil }

func (m *memorySink) Append(ctx context.Context, l Lane, in []Outcome) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.buffers[l.Number]
	if b == nil {
		return noPosition(), fmt.Errorf("append to lane %d without resume", l.Number)
	}
	for _, o := range in {
		if int64(o.Seq) != b.next {
			return noPosition(), fmt.Errorf("lane %d: seq %d behind %d", l.Number, o.Seq, b.next-1)
		}
		b.next++
		b.out = append(b.out, o)
		if len(b.out) == m.every || o.EndOfFile {
			if err := m.commit(l, b.out); err != nil {
				return noPosition(), err
			}
			b.out = nil
		}
	}
	return m.position(l.Number)
}

func (m *memorySink) commit(l Lane, out []Outcome) error {
	last := out[len(out)-1]
	r := memoryRange{
		Line: l.Line, From: out[0].Seq, To: last.Seq + 1,
		At: Position{LastSeq: int64(last.Seq), InputOffset: last.InputOffset, InputWriter: last.InputWriter},
	}
	for _, o := range out {
		r.Rows = append(r.Rows, show(o.Result))
	}
	if m.dir == "" {
		m.ranges[l.Number] = append(m.ranges[l.Number], r)
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp := filepath.Join(m.dir, fmt.Sprintf(".tmp-%d-%d", os.Getpid(), l.Number))
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, filepath.Join(m.dir, fmt.Sprintf("lane%03d-%06d", l.Number, r.From)))
	if errors.Is(err, os.ErrExist) {
		return nil // the first wins
	}
	return err
}

func show(r Result) string {
	if r.Skip != nil {
		return fmt.Sprintf("skip %s/%s %s", r.Skip.Stage, r.Skip.Reason, r.Skip.Source.GetKey())
	}
	var t []string
	for _, p := range r.Sample.Parts {
		t = append(t, p.Text)
	}
	return r.Sample.Source.Key + ": " + strings.Join(t, "|")
}

// lanes returns what the sink holds, by lane.
func (m *memorySink) content(t *testing.T, lanes int) [][]string {
	t.Helper()
	out := make([][]string, lanes)
	for n := range out {
		ranges, err := m.lane(n)
		if err != nil {
			t.Fatal(err)
		}
		next := uint64(0)
		for _, r := range ranges {
			if r.From != next {
				t.Fatalf("lane %d: range from %d, want %d", n, r.From, next)
			}
			next = r.To
			out[n] = append(out[n], r.Rows...)
		}
	}
	return out
}

// tag is a stage that adds a part to each text. It skips some rows for good, some for a while, and fails some batches.
func tag(word string, each int) Stage {
	var mu sync.Mutex
	tried := map[string]int{}
	return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
		out := make([]Result, len(in))
		for i, s := range in {
			g, _ := strconv.Atoi(s.Source.Key)
			mu.Lock()
			tried[s.Source.Dataset+s.Source.Key]++
			n := tried[s.Source.Dataset+s.Source.Key]
			mu.Unlock()
			s.Parts = append(s.Parts, &Part{Text: word})
			switch {
			case g%each == 1:
				out[i] = Drop("unwanted", "")
			case g%each == 2 && n == 1:
				out[i] = DropRetryable("busy", "")
			case g%(each*10) == 3:
				return nil, errors.New("never works")
			default:
				out[i] = Keep(s)
			}
		}
		return out, ctx.Err()
	})
}

type stageFunc func(ctx context.Context, in []*Sample) ([]Result, error)

func (f stageFunc) Process(ctx context.Context, in []*Sample) ([]Result, error) { return f(ctx, in) }

// wanted is what the sink must hold of the sources under the stages tag("a", 31), tag("b", 37) and tag("c", 41).
func wanted(lanes int, sources ...*numbers) [][]string {
	var out [][]string
	for _, n := range sources {
		part := make([][]string, lanes)
		for g := range n.total() {
			part[g%lanes] = append(part[g%lanes], wantedRow(n, g))
		}
		out = append(out, part...)
	}
	return out
}

var tags = []struct {
	name string
	each int
}{{"a", 31}, {"b", 37}, {"c", 41}}

func wantedRow(n *numbers, g int) string {
	if g%9 == 4 {
		return fmt.Sprintf("skip source/bad-row %d", g)
	}
	text := fmt.Sprintf("%d: row %d of %s", g, g, n.name)
	for _, s := range tags {
		switch {
		case g%s.each == 1:
			return fmt.Sprintf("skip %s/unwanted %d", s.name, g)
		case g%s.each == 2:
		case g%(s.each*10) == 3:
			return fmt.Sprintf("skip %s/stage-error %d", s.name, g)
		}
		text += "|" + s.name
	}
	return text
}

type noSettings struct{}

func (noSettings) Validate() error { return nil }

// testBuilders is a line of numbers through the three tags into a sink.
func testBuilders(sink Sink, sources ...*numbers) Builders {
	b := Builders{
		Sources: map[string]Builder[Source]{},
		Stages:  map[string]Builder[Stage]{},
		Sinks: map[string]Builder[Sink]{"sink": Build(noSettings{}, Work{}, func(context.Context, noSettings, Env) (Sink, error) {
			return sink, nil
		})},
	}
	for _, n := range sources {
		b.Sources[n.name] = Build(noSettings{}, Work{}, func(context.Context, noSettings, Env) (Source, error) { return n, nil })
	}
	for _, s := range tags {
		b.Stages[s.name] = Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6},
			func(context.Context, noSettings, Env) (Stage, error) { return tag(s.name, s.each), nil })
	}
	return b
}

func testGraph(t testing.TB, dir string, b Builders, graph string, sources ...*numbers) *Config {
	t.Helper()
	text := "line: test\ndata: " + dir + "\nlanes: 2\nkafka: {log_mb: 64}\ngraph: " + graph + "\nsources:\n"
	for _, n := range sources {
		text += fmt.Sprintf("  - {name: %s, %s: {}}\n", n.name, n.name)
	}
	cfg, err := Parse(filepath.Join(dir, "graph.yaml"), []byte(text), b)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func compareContent(t *testing.T, got, want [][]string) {
	t.Helper()
	for n := range want {
		if slices.Equal(got[n], want[n]) {
			continue
		}
		for i := range max(len(got[n]), len(want[n])) {
			g, w := "nothing", "nothing"
			if i < len(got[n]) {
				g = got[n][i]
			}
			if i < len(want[n]) {
				w = want[n][i]
			}
			if g != w {
				t.Errorf("lane %d: %d samples, want %d; seq %d is %q, want %q", n, len(got[n]), len(want[n]), i, g, w)
				break
			}
		}
	}
}

// rows is how many rows are durable.
func (m *memorySink) rows() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, ranges := range m.ranges {
		for _, r := range ranges {
			n += len(r.Rows)
		}
	}
	return n
}

// slowStage is tag(word, each), with a pause for each batch.
func slowStage(word string, each int, d time.Duration) Builder[Stage] {
	return Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6},
		func(context.Context, noSettings, Env) (Stage, error) {
			inner := tag(word, each)
			return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
				pause(ctx, d)
				return inner.Process(ctx, in)
			}), nil
		})
}
