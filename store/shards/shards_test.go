package shards_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/store/shards"
)

const grid, side = 4, 64

var (
	visual  = shards.Visual{Fingerprint: "visual-1", Grid: grid, Side: side, Codes: 512}
	textual = shards.Textual{Fingerprint: "text-1", Special: shards.Special{BOS: 0, Pad: 1, EOS: 2, Unk: 3, Mask: 101, Vocab: 102}}
)

func meta(kind shards.Kind) shards.Meta {
	m := shards.Meta{Kind: kind}
	if kind == shards.Image || kind == shards.Pair {
		m.Visual, m.Grid, m.Side, m.Encoding = visual, grid, side, "jpeg-q95-444"
	}
	if kind == shards.Text || kind == shards.Pair {
		m.Text = textual
	}
	return m
}

func origin(seq int) shards.Origin {
	key := fmt.Sprint("row ", seq)
	id := sha256.Sum256([]byte("cc12m\x00" + key + "\x00r1"))
	return shards.Origin{
		ID: [16]byte(id[:16]), Seq: int64(seq),
		Source: shards.Source{Dataset: "cc12m", Key: key, Revision: "r1"},
		URL:    "http://example.org/" + key, Licence: "CC-BY", Labels: []string{"n01440764", "fish"}[:seq%3*2/3],
	}
}

// view makes rows of a size that varies, of bytes that do not compress.
func view(seq, n int) shards.View {
	r := rand.New(rand.NewPCG(uint64(seq), uint64(n)))
	v := shards.View{
		View: int32(n), Crop: shards.Crop{Left: 1.5, Top: 2, Width: 30, Height: 40}, Flip: seq%2 == 0,
		Encoded: make([]byte, 10_000+r.IntN(20_000)), Codes: make([]uint16, grid*grid),
		Width: 640, Height: 480, Format: "jpeg", Phash: r.Uint64(),
	}
	if n > 0 {
		v.Jitter = []float32{1.1, 0.9, 1, 2}
	}
	for i := range v.Encoded {
		v.Encoded[i] = byte(r.Uint32())
	}
	for i := range v.Codes {
		v.Codes[i] = uint16(r.IntN(512))
	}
	binary.LittleEndian.PutUint64(v.SHA256[:], r.Uint64())
	return v
}

func part(seq, n int) shards.Part {
	r := rand.New(rand.NewPCG(uint64(seq), uint64(n)))
	p := shards.Part{Part: int32(n), Text: fmt.Sprintf("Part %d of text %d: a red cube beside ein Stück Käse.", n, seq),
		Minhash: []uint32{r.Uint32(), r.Uint32()}}
	for range 5 + r.IntN(300) {
		p.IDs = append(p.IDs, int32(4+r.IntN(96)))
	}
	return p
}

func pairRow(seq, n int) shards.PairRow {
	return shards.PairRow{Origin: origin(seq), View: view(seq, n), Part: part(seq, 0)}
}

// write makes a pair file of samples with two views each.
func write(t testing.TB, samples int) ([]byte, shards.File) {
	w, err := shards.NewWriter[shards.PairRow](t.TempDir(), 100, meta(shards.Pair))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for seq := range samples {
		if err := w.Write(int64(seq), pairRow(seq, 0), pairRow(seq, 1)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Finish(3, 0, uint64(samples-1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(w.Content())
	if err != nil {
		t.Fatal(err)
	}
	return b, file
}

func TestRoundTrip(t *testing.T) {
	const samples = 130
	data, file := write(t, samples)
	sum := sha256.Sum256(data)
	want := shards.File{Kind: shards.Pair, Rows: 2 * samples, Samples: samples, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	want.Key = "pair/lane003-0000000000-0000000129-" + want.SHA256[:8] + ".parquet"
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	r, err := shards.OpenParquet[shards.PairRow]("test", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if diff := cmp.Diff(meta(shards.Pair), r.Meta()); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
	if r.Len() != 2*samples {
		t.Fatalf("%d rows, want %d", r.Len(), 2*samples)
	}
	all := make([]shards.PairRow, r.Len())
	if err := r.At(0, all); err != nil {
		t.Fatal(err)
	}
	for i, got := range all {
		if want := normal(pairRow(i/2, i%2)); !reflect.DeepEqual(want, normal(got)) {
			t.Fatalf("row %d (-want +got):\n%s", i, cmp.Diff(want, normal(got)))
		}
	}
	one := make([]shards.PairRow, 1)
	draw := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		i := draw.IntN(r.Len())
		if err := r.At(i, one); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(normal(all[i]), normal(one[0])) {
			t.Fatalf("row %d by itself (-want +got):\n%s", i, cmp.Diff(normal(all[i]), normal(one[0])))
		}
	}
	if err := r.At(r.Len(), one); err == nil {
		t.Error("a row behind the last was read")
	}
}

// normal makes an empty list and no list the same: Parquet does not tell them apart.
func normal(p shards.PairRow) shards.PairRow {
	if len(p.Labels) == 0 {
		p.Labels = nil
	}
	if len(p.Jitter) == 0 {
		p.Jitter = nil
	}
	return p
}

// A reader with a narrow row takes its columns only, from any row.
func TestNarrowReader(t *testing.T) {
	data, _ := write(t, 50)
	type narrow struct {
		ID    [16]byte `parquet:"id"`
		View  int32    `parquet:"view"`
		Codes []uint16 `parquet:"codes,list"`
	}
	r, err := shards.OpenParquet[narrow]("test", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, i := range []int{99, 0, 1, 42, 41} {
		got := make([]narrow, 1)
		if err := r.At(i, got); err != nil {
			t.Fatal(err)
		}
		w := pairRow(i/2, i%2)
		if diff := cmp.Diff(narrow{w.ID, w.View.View, w.Codes}, got[0]); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

// The same rows give the same bytes, whatever was written before by the same process.
func TestBytesAreAFunctionOfRows(t *testing.T) {
	first, _ := write(t, 90)
	for i := range 4 {
		write(t, 17+i*31) // leaves the library's pooled buffers and compressors in another state
		again, _ := write(t, 90)
		if !bytes.Equal(first, again) {
			t.Fatalf("run %d gave other bytes: %d against %d", i, len(again), len(first))
		}
	}
}

// Views lie in the file as they are, so that nothing is spent on compressing what is compressed, and no copy of a view
// stands in the statistics.
func TestViewsAreStoredOnceAndPlain(t *testing.T) {
	data, _ := write(t, 20)
	for _, i := range []int{0, 7, 19} {
		if n := bytes.Count(data, view(i, 1).Encoded); n != 1 {
			t.Errorf("view 1 of sample %d stands %d times in the file, want once", i, n)
		}
		if n := bytes.Count(data, view(i, 1).Encoded[:12]); n != 1 {
			t.Errorf("the start of view 1 of sample %d stands %d times in the file, want once", i, n)
		}
	}
}

func BenchmarkReadRandomView(b *testing.B) {
	data, _ := write(b, 500)
	type narrow struct {
		ID      [16]byte `parquet:"id"`
		View    int32    `parquet:"view"`
		Encoded []byte   `parquet:"encoded"`
		Codes   []uint16 `parquet:"codes,list"`
	}
	r, err := shards.OpenParquet[narrow]("test", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	out := make([]narrow, 1)
	for b.Loop() {
		if err := r.At(rand.IntN(r.Len()), out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	data, _ := write(b, 500)
	type narrow struct {
		Encoded []byte `parquet:"encoded"`
	}
	for b.Loop() {
		if _, err := shards.OpenParquet[narrow]("test", bytes.NewReader(data), int64(len(data))); err != nil {
			b.Fatal(err)
		}
	}
}
