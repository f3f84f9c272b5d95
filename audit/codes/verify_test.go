package codes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/audit/codes"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const side, grid = 8, 2

// brightness is a tokenizer of a kind: the code of a patch is the mean of its values over 16, and the distance to a code
// grows from there.
type brightness struct {
	mu    sync.Mutex
	views int // encoded
}

func mean(pix []uint8, picture, cell int) float64 {
	sum := 0
	for y := range side / grid {
		for x := range side / grid {
			at := 3 * ((cell/grid*(side/grid)+y)*side + cell%grid*(side/grid) + x)
			for c := range 3 {
				sum += int(pix[picture*side*side*3+at+c])
			}
		}
	}
	return float64(sum) / (3 * side * side / grid / grid)
}

func (b *brightness) Encode(_ context.Context, pix []uint8, n int) ([]uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.views += n
	var out []uint16
	for i := range n {
		for cell := range grid * grid {
			out = append(out, uint16(mean(pix, i, cell)/16))
		}
	}
	return out, nil
}

func (b *brightness) Gaps(_ context.Context, pix []uint8, given []uint16) ([]float64, error) {
	var out []float64
	for cell, code := range given {
		v := mean(pix, 0, cell) / 16
		// The gap is how far v lies from the cell of its code, [code, code+1).
		out = append(out, max(0, float64(code)-v, v-float64(code)-1))
	}
	return out, nil
}

func (b *brightness) Rounding() float64   { return 0.1 }
func (b *brightness) Grid() int           { return grid }
func (b *brightness) Side() int           { return side }
func (b *brightness) Codes() int          { return 16 }
func (b *brightness) Fingerprint() string { return "brightness" }

var visual = shards.Visual{Fingerprint: "brightness", Grid: grid, Side: side, Codes: 16}

// picture is of one grey, encoded without loss.
func picture(t *testing.T, side int, grey uint8) []byte {
	t.Helper()
	im := pixels.New(side, side)
	for i := range im.Pix {
		im.Pix[i] = grey
	}
	data, err := pixels.EncodeJPEG(im, 100, true)
	if err != nil {
		t.Skip(err)
	}
	return data
}

// fixture has 40 images of two views each and 20 pairs; change spoils rows before they are written.
func fixture(t *testing.T, made shards.Visual, change func(kind shards.Kind, n int, v *shards.View)) store.Store {
	st := storetest.NewMemory()
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: "line", Range: 60}, made, shards.Textual{}); err != nil {
		t.Fatal(err)
	}
	c := shards.Commit{Line: "line", Source: "s", To: 59}
	view := func(kind shards.Kind, n, number int) shards.View {
		grey := uint8(4 + n*4%240)
		v := shards.View{View: int32(number), Encoded: picture(t, side, grey)}
		im, _, err := pixels.Decode(v.Encoded, pixels.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if made.Fingerprint != "" {
			v.Codes, _ = new(brightness).Encode(t.Context(), im.Pix, 1)
		}
		if change != nil {
			change(kind, n, &v)
		}
		return v
	}
	meta := shards.Meta{Visual: made, Grid: grid, Side: side, Encoding: "jpeg-q100-444"}
	meta.Kind = shards.Image
	write(t, f, &c, meta, func(put func(int64, shards.ImageRow)) {
		for n := range 40 {
			for number := range 2 {
				put(int64(n), shards.ImageRow{Origin: origin(n), View: view(shards.Image, n, number)})
			}
		}
	})
	meta.Kind = shards.Pair
	write(t, f, &c, meta, func(put func(int64, shards.PairRow)) {
		for n := 40; n < 60; n++ {
			put(int64(n), shards.PairRow{Origin: origin(n), View: view(shards.Pair, n, 0)})
		}
	})
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return st
}

func origin(n int) shards.Origin {
	return shards.Origin{ID: [16]byte{byte(n), 0xee}, Seq: int64(n), Source: shards.Source{Dataset: "s", Key: fmt.Sprint(n)}}
}

func write[T shards.ImageRow | shards.PairRow](t *testing.T, f shards.Folder, c *shards.Commit, m shards.Meta, rows func(put func(int64, T))) {
	w, err := shards.NewWriter[T](t.TempDir(), 16, m)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rows(func(seq int64, row T) {
		if err := w.Write(seq, row); err != nil {
			t.Fatal(err)
		}
	})
	file, err := w.Finish(c.Lane, c.From, c.To)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), file, w.Content()); err != nil {
		t.Fatal(err)
	}
	c.Files = append(c.Files, file)
}

func verify(t *testing.T, st store.Store, c codes.Config) *codes.Report {
	t.Helper()
	r, err := codes.Verify(t.Context(), st, new(brightness), "b.pth", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyAllIsWell(t *testing.T) {
	r := verify(t, fixture(t, visual, nil), codes.Defaults())
	if r.Stored != 100 || r.Views != 100 || r.Codes != 400 || r.Equal != 400 || r.Differ != 0 || r.Faults != 0 || len(r.Differences) != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestVerifyFindsEachFault(t *testing.T) {
	st := fixture(t, visual, func(kind shards.Kind, n int, v *shards.View) {
		switch {
		case kind == shards.Image && n == 3 && v.View == 1: // 16 is 1.0: code 0 is next to it
			v.Codes[2]--
		case kind == shards.Image && n == 7 && v.View == 0: // far away
			v.Codes[0], v.Codes[3] = v.Codes[0]+3, v.Codes[3]+1
		case kind == shards.Pair && n == 41:
			v.Encoded = v.Encoded[:len(v.Encoded)/2]
		case kind == shards.Pair && n == 42:
			v.Encoded = picture(t, 2*side, 50)
		case kind == shards.Pair && n == 43:
			v.Encoded = picture(t, side/2, 50)
		case kind == shards.Pair && n == 44:
			v.Codes = v.Codes[:3]
		case kind == shards.Pair && n == 45:
			v.Codes[1] = 16
		}
	})
	r := verify(t, st, codes.Config{Share: 1, Batch: 7})
	type found struct {
		Kind              string
		Row, View, Differ int
		Fault             bool
		What              string
	}
	want := []found{
		{"image", 7, 1, 1, false, ""},
		{"image", 14, 0, 2, true, ""},
		{"pair", 1, 0, 4, true, "the view cannot be decoded"},
		{"pair", 2, 0, 4, true, "the view cannot be decoded"},
		{"pair", 3, 0, 4, true, "the view has 4×4 pixels, want 8×8"},
		{"pair", 4, 0, 4, true, "3 codes are stored, want 4"},
		{"pair", 5, 0, 4, true, "code 1 is 16, the tokenizer has 16"},
	}
	var got []found
	for _, d := range r.Differences {
		kind, _, _ := strings.Cut(d.Shard, "/")
		what, _, _ := strings.Cut(d.What, ":")
		got = append(got, found{kind, d.Row, d.View, d.Differ, d.Fault, what})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if r.Differences[1].ID != "07ee0000000000000000000000000000" || r.Differences[1].Gap < 2 || r.Differences[1].Of != 4 {
		t.Errorf("the second difference is %+v", r.Differences[1])
	}
	if r.Views != 100 || r.Codes != 400 || r.Equal != 400-1-2-5*4 || r.Rounding != 1 || r.Differ != 7 || r.Faults != 6 {
		t.Errorf("report %+v", r)
	}
}

// A sample is a function of the seed and the shards, whatever the batch, and views outside of it are not encoded.
func TestVerifySample(t *testing.T) {
	wrong := fixture(t, visual, func(_ shards.Kind, _ int, v *shards.View) { v.Codes[0] = (v.Codes[0] + 5) % 16 })
	rows := func(c codes.Config) []string {
		tok := new(brightness)
		r, err := codes.Verify(t.Context(), wrong, tok, "b.pth", c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Faults != r.Views || int64(tok.views) != r.Views {
			t.Errorf("%d views verified, %d encoded, %d faults", r.Views, tok.views, r.Faults)
		}
		var out []string
		for _, d := range r.Differences {
			out = append(out, fmt.Sprint(d.Shard, d.Row))
		}
		return out
	}
	a := rows(codes.Config{Share: 0.3, Seed: 5, Batch: 3})
	if len(a) < 15 || len(a) > 45 {
		t.Errorf("a share of 0.3 of 100 views is %d", len(a))
	}
	if b := rows(codes.Config{Share: 0.3, Seed: 5, Batch: 64}); !slices.Equal(a, b) {
		t.Error("another batch gives another sample")
	}
	if b := rows(codes.Config{Share: 0.3, Seed: 6, Batch: 3}); slices.Equal(a, b) {
		t.Error("another seed gives the same sample")
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := fixture(t, visual, nil)
	other := visual
	other.Fingerprint = "other"
	half := fixture(t, visual, nil)
	for info := range half.List(t.Context(), "pair/") {
		if err := half.Delete(t.Context(), info.Key); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		st   store.Store
		c    codes.Config
		is   error
		says string
	}{
		{"no shards", storetest.NewMemory(), codes.Defaults(), shards.ErrNoShards, ""},
		{"another tokenizer", fixture(t, other, nil), codes.Defaults(), shards.ErrMismatch, "other (8 pixels, grid 2×2, 16 codes), but b.pth is brightness"},
		{"no codes", fixture(t, shards.Visual{}, nil), codes.Defaults(), nil, "holds no codes"},
		{"a file is missing", half, codes.Defaults(), store.ErrNotFound, "pair/lane"},
		{"share 0", good, codes.Config{Batch: 1}, nil, "share 0"},
		{"nothing chosen", good, codes.Config{Share: 1e-9, Batch: 1}, nil, "chooses none of 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := codes.Verify(t.Context(), tt.st, new(brightness), "b.pth", tt.c, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %v and %q", err, tt.is, tt.says)
			}
		})
	}
}
