package shard_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/shard"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const grid, side = 4, 64

var (
	tokenizers = shard.Tokenizers{
		Visual: shards.Visual{Fingerprint: "visual-1", Grid: grid, Side: side, Codes: 512},
		Text:   shards.Textual{Fingerprint: "text-1", Special: shards.Special{EOS: 2, Pad: 1, Unk: 3, Mask: 101, Vocab: 102}},
	}
	lane0 = pipeline.Lane{Line: "line-1", Source: "cc12m", Number: 0}
)

// outcome makes record number seq of a lane: images, texts of two parts, pairs and skips in turn.
func outcome(seq int) pipeline.Outcome {
	r := rand.New(rand.NewPCG(uint64(seq), 1))
	origin := &pipeline.Origin{Dataset: "cc12m", Key: fmt.Sprint(seq), Revision: "r"}
	id := pipeline.SampleID("cc12m", origin.Key, "r")
	o := pipeline.Outcome{Seq: uint64(seq), InputOffset: int64(seq) * 3, InputWriter: []byte{1, byte(seq)}, EndOfFile: seq%23 == 22}
	if seq%4 == 3 {
		o.Skip = &pipeline.Skip{Stage: "fetch", Reason: "http-404", Id: id, Kind: pipeline.Kind_PAIR, Source: origin, Attempts: int32(r.IntN(3))}
		return o
	}
	s := &pipeline.Sample{Id: id, Source: origin, Kind: []pipeline.Kind{pipeline.Kind_IMAGE, pipeline.Kind_TEXT, pipeline.Kind_PAIR}[seq%4]}
	if s.Kind != pipeline.Kind_TEXT {
		sum := sha256.Sum256([]byte(origin.Key))
		s.Image = &pipeline.Image{Sha256: sum[:], Width: 640, Height: 480, Format: "jpeg"}
		for n := range 2 {
			v := &pipeline.View{Number: int32(n), Width: 100, Height: 100, Encoding: "jpeg-q95-444", Side: side, Grid: grid,
				Encoded: bytes.Repeat(sum[:], 20+r.IntN(20))}
			for range grid * grid {
				v.Codes = binary.LittleEndian.AppendUint16(v.Codes, uint16(r.IntN(512)))
			}
			s.Views = append(s.Views, v)
		}
	}
	if s.Kind != pipeline.Kind_IMAGE {
		for n := range map[bool]int{true: 1, false: 2}[s.Kind == pipeline.Kind_PAIR] {
			s.Parts = append(s.Parts, &pipeline.Part{Number: int32(n), Text: "text " + origin.Key, Ids: []int32{5, 6, int32(7 + n)}})
		}
	}
	o.Sample = s
	return o
}

func outcomes(from, to int) (list []pipeline.Outcome) {
	for seq := from; seq < to; seq++ {
		list = append(list, outcome(seq))
	}
	return list
}

func newSink(t *testing.T, st store.Store) *shard.Sink {
	t.Helper()
	c := shard.Defaults()
	c.Range, c.RowGroup, c.Scratch = 10, 7, t.TempDir()
	s, err := shard.New(st, c, tokenizers, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openStore(*testing.T) store.Store { return storetest.NewMemory() }

// files maps the keys of a store's Parquet files to their contents.
func files(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	m := map[string]string{}
	for info, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, ".parquet") {
			b, err := st.Get(t.Context(), info.Key)
			if err != nil {
				t.Fatal(err)
			}
			m[info.Key] = string(b)
		}
	}
	return m
}

func names(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func sound(t *testing.T, st store.Store, commits int, seq uint64) *shards.Report {
	t.Helper()
	report, err := shards.In(st).Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) != 0 || report.Commits != commits || report.Seq != seq {
		t.Errorf("shards: %+v, want %d commits over %d seq and no fault", report, commits, seq)
	}
	return report
}

func TestRangesCloseByCountAndAtEndOfFile(t *testing.T) {
	st := openStore(t)
	sink := newSink(t, st)
	at, err := sink.Resume(t.Context(), lane0)
	if err != nil || at.LastSeq != -1 {
		t.Fatalf("Resume of a new lane = %+v, %v, want LastSeq -1", at, err)
	}
	// Ranges: 0-9, 10-19, 20-22 (end of file), 23-32, 33-42, 43-45 (end of file), 46- open.
	at, err = sink.Append(t.Context(), lane0, outcomes(0, 50))
	want := pipeline.Position{LastSeq: 45, InputOffset: 135, InputWriter: []byte{1, 45}}
	if err != nil || !cmp.Equal(at, want) {
		t.Fatalf("Append = %+v, %v, want %+v", at, err, want)
	}
	sound(t, st, 6, 46)

	// Another sink goes on from the commits. What is durable already is ignored.
	again := newSink(t, st)
	if at, err = again.Resume(t.Context(), lane0); err != nil || !cmp.Equal(at, want) {
		t.Fatalf("Resume = %+v, %v, want %+v", at, err, want)
	}
	if at, err = again.Append(t.Context(), lane0, outcomes(40, 56)); err != nil || at.LastSeq != 55 {
		t.Fatalf("Append behind Resume = %+v, %v, want LastSeq 55", at, err)
	}
	sound(t, st, 7, 56)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	manifest, err := st.Get(t.Context(), shards.ManifestKey)
	if n := bytes.Count(manifest, []byte("\n")); err != nil || n != 7*4-2 {
		t.Errorf("the manifest lists %d files, %v, want 26: 4 a range, but no skip in 20-22 and no pair in 43-45", n, err)
	}
}

// A range closes behind the sample with which it passes the bytes that a lane may keep open, wherever calls end; the
// limit that a line was begun with holds when a later run would allow more, and less is refused.
func TestRangesCloseByBytes(t *testing.T) {
	st := openStore(t)
	open := func(bytes int64) *shard.Sink {
		c := shard.Defaults()
		c.Range = 10
		s, err := shard.New(st, c, tokenizers, bytes)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	limit := int64(proto.Size(outcome(0).Sample) + proto.Size(outcome(1).Sample))
	var want []int64
	for seq, size := 0, int64(0); seq < 22; seq++ {
		if s := outcome(seq).Sample; s != nil {
			size += int64(proto.Size(s))
		}
		if size > limit {
			want, size = append(want, int64(seq)), 0
		}
	}
	var got []int64
	sinks := []*shard.Sink{open(limit), open(2 * limit)}
	for seq := range 22 {
		from := seq
		if seq == 5 { // the second sink takes over and goes on from the commits
			from = int(got[len(got)-1]) + 1
		}
		at, err := sinks[min(1, seq/5)].Append(t.Context(), lane0, outcomes(from, seq+1))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 && at.LastSeq >= 0 || len(got) > 0 && at.LastSeq != got[len(got)-1] {
			got = append(got, at.LastSeq)
		}
	}
	if !slices.Equal(got, want) || len(want) < 4 {
		t.Errorf("ranges end at %v, want %v", got, want)
	}
	if _, err := open(limit-1).Resume(t.Context(), lane0); !errors.Is(err, pipeline.ErrFatal) {
		t.Errorf("Resume with fewer bytes: %v, want a fatal mismatch", err)
	}
}

// The same outcomes give the same files, however they are cut into calls and lanes share the sink.
func TestSameBytes(t *testing.T) {
	var first map[string]string
	for round, step := range []int{1, 7, 40} {
		st := openStore(t)
		sink := newSink(t, st)
		lane1 := lane0
		lane1.Number = 1
		for from := 0; from < 40; from += step {
			for _, l := range []pipeline.Lane{lane0, lane1} {
				if _, err := sink.Append(t.Context(), l, outcomes(from, min(40, from+step))); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := files(t, st)
		if round == 0 {
			first = got
		} else if !maps.Equal(first, got) {
			t.Errorf("calls of %d outcomes gave other files: %q, want %q", step, names(got), names(first))
		}
	}
}

// cutStore lets a number of writes through and then fails each, as a process that was killed would.
type cutStore struct {
	store.Store
	left int
}

var errCut = errors.New("killed")

func (c *cutStore) Put(ctx context.Context, key string, r io.Reader) (store.Info, error) {
	if c.left--; c.left < 0 {
		return store.Info{}, errCut
	}
	return c.Store.Put(ctx, key, r)
}

func (c *cutStore) PutIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	if c.left--; c.left < 0 {
		return false, errCut
	}
	return c.Store.PutIfAbsent(ctx, key, data)
}

func (c *cutStore) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return c.Store.List(ctx, prefix)
}

// Cut at each write to the store, then go on with a new sink: the files are those of an undisturbed run, byte for byte,
// nothing is lost and nothing is there twice.
func TestCrashAtEveryWrite(t *testing.T) {
	undisturbed := openStore(t)
	if _, err := newSink(t, undisturbed).Append(t.Context(), lane0, outcomes(0, 46)); err != nil {
		t.Fatal(err)
	}
	want := files(t, undisturbed)
	for cut := 0; ; cut++ {
		st := openStore(t)
		_, err := newSink(t, &cutStore{st, cut}).Append(t.Context(), lane0, outcomes(0, 46))
		if err == nil {
			if cut < 20 {
				t.Errorf("only %d writes to cut at", cut)
			}
			return
		}
		if !errors.Is(err, errCut) || errors.Is(err, pipeline.ErrFatal) {
			t.Fatalf("cut at write %d: %v, want an error that a retry may mend", cut, err)
		}
		next := newSink(t, st)
		at, err := next.Resume(t.Context(), lane0)
		if err != nil {
			t.Fatal(err)
		}
		if at.LastSeq >= 0 && at.InputOffset != at.LastSeq*3 {
			t.Errorf("cut at write %d: resumes at %+v, want the offset of its record", cut, at)
		}
		if _, err := next.Append(t.Context(), lane0, outcomes(int(at.LastSeq+1), 46)); err != nil {
			t.Fatal(err)
		}
		if got := files(t, st); !maps.Equal(got, want) {
			t.Errorf("cut at write %d: files %q, want %q with the same bytes", cut, names(got), names(want))
		}
		if report := sound(t, st, 6, 46); report.Loose != 0 {
			t.Errorf("cut at write %d left %d loose files", cut, report.Loose)
		}
	}
}

// A sink that went on after an error takes the same outcomes again.
func TestAppendAgainAfterError(t *testing.T) {
	st := openStore(t)
	cut := &cutStore{st, 5}
	sink := newSink(t, cut)
	if _, err := sink.Append(t.Context(), lane0, outcomes(0, 20)); !errors.Is(err, errCut) {
		t.Fatalf("Append = %v, want %v", err, errCut)
	}
	cut.left = 1000
	if at, err := sink.Append(t.Context(), lane0, outcomes(0, 20)); err != nil || at.LastSeq != 19 {
		t.Fatalf("Append again = %+v, %v, want LastSeq 19", at, err)
	}
	sound(t, st, 2, 20)
}

// Two sinks on one lane, as after a rebalance that one of them missed: the first commit of a range stands, both report
// it as durable, and nothing is there twice.
func TestZombie(t *testing.T) {
	st := openStore(t)
	zombie, owner := newSink(t, st), newSink(t, st)
	for _, s := range []*shard.Sink{zombie, owner} {
		if _, err := s.Resume(t.Context(), lane0); err != nil {
			t.Fatal(err)
		}
	}
	moved := outcomes(0, 30)
	for i := range moved {
		moved[i].InputOffset += 1000 // the owner read the same records at other offsets
	}
	if at, err := owner.Append(t.Context(), lane0, moved[:20]); err != nil || at.InputOffset != 1057 {
		t.Fatalf("the owner's Append = %+v, %v", at, err)
	}
	if at, err := zombie.Append(t.Context(), lane0, outcomes(0, 30)); err != nil || at.LastSeq != 22 || at.InputOffset != 66 {
		t.Fatalf("the zombie's Append = %+v, %v", at, err)
	}
	if at, err := owner.Append(t.Context(), lane0, moved[20:]); err != nil || at.LastSeq != 22 || at.InputOffset != 1066 {
		t.Fatalf("the owner's Append = %+v, %v, want its own position of the end of the zombie's range", at, err)
	}
	if report := sound(t, st, 3, 23); report.Loose != 0 {
		t.Errorf("%d loose files", report.Loose)
	}
}

func TestMismatchStopsTheLine(t *testing.T) {
	st := openStore(t)
	if _, err := newSink(t, st).Append(t.Context(), lane0, outcomes(0, 10)); err != nil {
		t.Fatal(err)
	}
	other := tokenizers
	other.Visual.Fingerprint = "visual-2"
	c := shard.Defaults()
	c.Range = 10
	for _, tt := range []struct {
		name  string
		lane  pipeline.Lane
		toks  shard.Tokenizers
		names string
	}{
		{"another tokenizer", lane0, other, "visual-2"},
		{"another line", pipeline.Lane{Line: "line-2", Source: "cc12m"}, tokenizers, "line-2"},
		{"another source in the lane", pipeline.Lane{Line: "line-1", Source: "wikipedia"}, tokenizers, "wikipedia"},
	} {
		sink, err := shard.New(st, c, tt.toks, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sink.Resume(t.Context(), tt.lane)
		if !errors.Is(err, pipeline.ErrFatal) || !errors.Is(err, shards.ErrMismatch) || !strings.Contains(err.Error(), tt.names) {
			t.Errorf("%s: %v, want a fatal mismatch that names %s", tt.name, err, tt.names)
		}
	}
}

// Samples that no shard can hold stop the line with a reason; what was durable stays.
func TestUnfitSamples(t *testing.T) {
	for _, tt := range []struct {
		name, wrong string
		change      func(s *pipeline.Sample)
	}{
		{"no views", "without views", func(s *pipeline.Sample) { s.Views = nil }},
		{"no codes", "bytes of codes", func(s *pipeline.Sample) { s.Views[1].Codes = nil }},
		{"code too large", "code 512", func(s *pipeline.Sample) { s.Views[1].Codes[0], s.Views[1].Codes[1] = 0, 2 }},
		{"another grid", "grid 5", func(s *pipeline.Sample) { s.Views[1].Grid = 5 }},
		{"another encoding", "one form of view", func(s *pipeline.Sample) { s.Views[1].Encoding = "webp" }},
		{"short id", "id has 3 bytes", func(s *pipeline.Sample) { s.Id = s.Id[:3] }},
		{"two texts of a pair", "pair with 2 texts", func(s *pipeline.Sample) { s.Parts = append(s.Parts, s.Parts[0]) }},
		{"id too large", "id 102", func(s *pipeline.Sample) { s.Parts[0].Ids[0] = 102 }},
		{"unknown kind", "KIND_UNSPECIFIED", func(s *pipeline.Sample) { s.Kind = 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := openStore(t)
			sink := newSink(t, st)
			in := outcomes(0, 15)
			in[14].Sample = proto.Clone(in[14].Sample).(*pipeline.Sample) // a pair
			tt.change(in[14].Sample)
			at, err := sink.Append(t.Context(), lane0, in)
			if !errors.Is(err, pipeline.ErrFatal) || !strings.Contains(err.Error(), tt.wrong) || !strings.Contains(err.Error(), "seq 14") {
				t.Errorf("Append: %v, want a fatal error with %q at seq 14", err, tt.wrong)
			}
			if at.LastSeq != 9 {
				t.Errorf("Append's position is %+v, want the durable range's", at)
			}
			sound(t, st, 1, 10)
		})
	}
}

func TestOutOfOrder(t *testing.T) {
	sink := newSink(t, openStore(t))
	in := outcomes(0, 5)
	in[3].Seq = 4
	if _, err := sink.Append(t.Context(), lane0, in); err == nil {
		t.Error("a gap in seq was taken")
	}
	if _, err := sink.Append(t.Context(), lane0, outcomes(3, 5)); err == nil {
		t.Error("a lane that begins at seq 3 was taken")
	}
}

func ExampleSink() {
	folder, _ := os.MkdirTemp("", "data")
	defer os.RemoveAll(folder)
	st, _ := store.Open(folder)
	sink, _ := shard.New(st, shard.Defaults(), shard.Tokenizers{}, 0)
	defer sink.Close()

	lane := pipeline.Lane{Line: "a-uuid", Source: "wikipedia", Number: 0}
	at, _ := sink.Resume(context.Background(), lane)
	fmt.Println("begins behind seq", at.LastSeq)

	at, err := sink.Append(context.Background(), lane, []pipeline.Outcome{{
		Seq: 0, EndOfFile: true, InputOffset: 12,
		Result: pipeline.Keep(&pipeline.Sample{
			Id: pipeline.SampleID("wikipedia", "Anarchism", "1"), Kind: pipeline.Kind_TEXT,
			Source: &pipeline.Origin{Dataset: "wikipedia", Key: "Anarchism", Revision: "1"},
			Parts:  []*pipeline.Part{{Text: "Anarchism is a political philosophy."}},
		}),
	}})
	fmt.Println("durable up to seq", at.LastSeq, "offset", at.InputOffset, err)
	// Output:
	// begins behind seq -1
	// durable up to seq 0 offset 12 <nil>
}
