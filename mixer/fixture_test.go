package mixer_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const (
	grid, side = 8, 32
	nViews     = 3
	vocab      = 120
)

var (
	visual  = shards.Visual{Fingerprint: "visual-1", Grid: grid, Side: side, Codes: 512}
	textual = shards.Textual{Fingerprint: "text-1", Special: shards.Special{BOS: 0, Pad: 1, EOS: 2, Unk: 3, Mask: vocab - 1, Vocab: vocab}}
)

// data are the rows of a test's shards: [lane][range of 8 seq] of which every kind has some.
type data struct {
	images, texts, pairs int // samples; a text has 1 to 3 parts, images and pairs nViews views
}

// write makes the shards of d, spread over two lanes of ranges of 8.
func (d data) write(t testing.TB) store.Store {
	t.Helper()
	st := storetest.NewMemory()
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: "line-1", Range: 8}, visual, textual); err != nil {
		t.Fatal(err)
	}
	var lanes [2][]shards.Kind
	for i := range max(d.images, d.texts, d.pairs) {
		for _, k := range []struct {
			kind shards.Kind
			n    int
		}{{shards.Image, d.images}, {shards.Text, d.texts}, {shards.Pair, d.pairs}} {
			if i < k.n {
				lanes[i%2] = append(lanes[i%2], k.kind)
			}
		}
	}
	for lane, all := range lanes {
		for from := 0; from < len(all); from += 8 {
			writeRange(t, f, lane, from, all[from:min(from+8, len(all))])
		}
	}
	return st
}

func sampleKey(lane, seq int) string { return fmt.Sprintf("lane %d seq %d", lane, seq) }

func sampleID(lane, seq int) [16]byte {
	sum := sha256.Sum256([]byte("test\x00" + sampleKey(lane, seq) + "\x00r"))
	return [16]byte(sum[:16])
}

func writeRange(t testing.TB, f shards.Folder, lane, from int, kinds []shards.Kind) {
	t.Helper()
	to := from + len(kinds) - 1
	c := shards.Commit{Line: "line-1", Source: "test", Lane: lane, From: uint64(from), To: uint64(to)}
	finish := func(file shards.File, err error, w interface{ put(shards.File) error }) {
		if err == nil && file.Rows > 0 {
			err = w.put(file)
			c.Files = append(c.Files, file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	images, texts, pairs := newWriter[shards.ImageRow](t, f, shards.Image), newWriter[shards.TextRow](t, f, shards.Text), newWriter[shards.PairRow](t, f, shards.Pair)
	for i, kind := range kinds {
		seq := from + i
		id := sampleID(lane, seq)
		o := shards.Origin{ID: id, Seq: int64(seq), Source: shards.Source{Dataset: "test", Key: sampleKey(lane, seq), Revision: "r"}}
		var err error
		switch kind {
		case shards.Image:
			for n := range nViews {
				err = images.w.Write(o.Seq, shards.ImageRow{Origin: o, View: viewOf(id, n)})
			}
		case shards.Text:
			for n := range 1 + int(id[0])%3 {
				err = texts.w.Write(o.Seq, shards.TextRow{Origin: o, Part: partOf(id, n)})
			}
		case shards.Pair:
			for n := range nViews {
				err = pairs.w.Write(o.Seq, shards.PairRow{Origin: o, View: viewOf(id, n), Part: partOf(id, 0)})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := images.w.Finish(lane, c.From, c.To)
	finish(file, err, images)
	file, err = texts.w.Finish(lane, c.From, c.To)
	finish(file, err, texts)
	file, err = pairs.w.Finish(lane, c.From, c.To)
	finish(file, err, pairs)
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

type writer[T shards.ImageRow | shards.TextRow | shards.PairRow] struct {
	t testing.TB
	f shards.Folder
	w *shards.Writer[T]
}

func newWriter[T shards.ImageRow | shards.TextRow | shards.PairRow](t testing.TB, f shards.Folder, kind shards.Kind) writer[T] {
	m := shards.Meta{Kind: kind}
	if kind != shards.Text {
		m.Visual, m.Grid, m.Side, m.Encoding = visual, grid, side, "png"
	}
	if kind != shards.Image {
		m.Text = textual
	}
	w, err := shards.NewWriter[T](t.TempDir(), 5, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return writer[T]{t, f, w}
}

func (w writer[T]) put(file shards.File) error { return w.f.Put(w.t.Context(), file, w.w.Content()) }

// pixelsOf are the pixels of a view: [side, side, 3], a function of id and view.
func pixelsOf(id [16]byte, view int) []uint8 {
	r := rand.New(rand.NewPCG(uint64(id[0])<<8|uint64(id[1]), uint64(view)))
	pix := make([]uint8, 3*side*side)
	for i := range pix {
		pix[i] = uint8(r.Uint32())
	}
	return pix
}

func viewOf(id [16]byte, n int) shards.View {
	im := image.NewRGBA(image.Rect(0, 0, side, side))
	for i, pix := 0, pixelsOf(id, n); i < side*side; i++ {
		im.Set(i%side, i/side, color.RGBA{pix[3*i], pix[3*i+1], pix[3*i+2], 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		panic(err)
	}
	v := shards.View{View: int32(n), Encoded: b.Bytes(), Width: 100, Height: 90, Format: "png"}
	for i := range grid * grid {
		v.Codes = append(v.Codes, uint16(int(id[2])+n+i))
	}
	return v
}

func partOf(id [16]byte, n int) shards.Part {
	p := shards.Part{Part: int32(n), Text: "a text"}
	for i := range 1 + (int(id[3])+n*37)%90 {
		p.IDs = append(p.IDs, int32(4+(int(id[4])+i)%(vocab-5)))
	}
	return p
}

func open(t testing.TB, st store.Store, change func(*mixer.Config)) *mixer.Mixer {
	t.Helper()
	c := config(change)
	m, err := mixer.Open(t.Context(), st, c, mixer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func config(change func(*mixer.Config)) mixer.Config {
	c := mixer.Defaults()
	c.Seed, c.Images, c.Texts, c.Pairs, c.HeldOut, c.MicroRows = 7, 5, 7, 3, 0.2, 4
	if change != nil {
		change(&c)
	}
	return c
}
