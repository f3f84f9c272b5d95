package vqkd

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
)

// The reference's second-best codes and how much further they are: the gaps that Gaps must give.
func TestGapsAreTheReferencesMargins(t *testing.T) {
	inputs, _ := filepath.Glob("../pixels/testdata/v-*.png")
	want := photos(t)
	for name, backend := range backends(t) {
		tok := loadOn(t, backend(), tiny, Options{})
		worst := 0.0
		for _, path := range inputs {
			p, im := want[strings.TrimSuffix(filepath.Base(path), ".png")], decode(t, path)
			zero, err := tok.Gaps(context.Background(), im.Pix, p.Codes)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(zero, func(g float64) bool { return g != 0 }) {
				t.Errorf("%s: %s: gaps of the right codes %v", name, path, zero)
			}
			gaps, err := tok.Gaps(context.Background(), im.Pix, p.Second)
			if err != nil {
				t.Fatal(err)
			}
			for i, g := range gaps {
				worst = max(worst, math.Abs(g-p.Margin[i]))
			}
		}
		if len(inputs) < 14 || worst > tok.Rounding()/10 {
			t.Errorf("%s: of %d pictures a gap is off by %.2g", name, len(inputs), worst)
		}
	}
}

// What a kind of processor computes in tier fast is, to one that computes it exactly, within the tier's bound. Exact
// codes of different instruction sets do not differ on so few pictures.
func TestRoundingBoundsTheTiers(t *testing.T) {
	photos, _ := filepath.Glob("../pixels/testdata/v-*.jpg")
	const weights = "demo/demo-vqkd.safetensors"
	exact := open(t, weights, Options{})
	for _, tier := range []tensor.Precision{tensor.Exact, tensor.Fast} {
		for _, isa := range []cpu.ISA{cpu.AVX2, cpu.AVX512, cpu.VNNI} {
			b, err := cpu.NewWith(cpu.Options{ISA: isa})
			if err != nil {
				t.Logf("%v: %v", isa, err)
				continue
			}
			tok, err := Load(b, weights, Options{Precision: tier})
			if err != nil {
				t.Fatal(err)
			}
			worst, differ := 0.0, 0
			for _, path := range photos {
				pix := pixels.ReferenceView(decode(t, path), tok.Side()).Pix
				codes, err := tok.Encode(context.Background(), pix, 1)
				if err != nil {
					t.Fatal(err)
				}
				gaps, err := exact.Gaps(context.Background(), pix, codes)
				if err != nil {
					t.Fatal(err)
				}
				for _, g := range gaps {
					worst = max(worst, g)
					if g > 0 {
						differ++
					}
				}
			}
			t.Logf("%v on %s: %d codes differ, by up to %.2g", tier, b.Name(), differ, worst)
			if worst > tok.Rounding() {
				t.Errorf("%v on %s: a code is further than the nearest by %.2g, the bound is %g", tier, b.Name(), worst, tok.Rounding())
			}
			if err := errors.Join(tok.Close(), b.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestGapsRefuses(t *testing.T) {
	tok := loadOn(t, tensor.NewReference[float32](), tiny, Options{})
	pix, codes := make([]uint8, 64*64*3), make([]uint16, 16)
	for name, call := range map[string]func() error{
		"too few pixels": func() error { _, err := tok.Gaps(context.Background(), pix[1:], codes); return err },
		"too few codes":  func() error { _, err := tok.Gaps(context.Background(), pix, codes[1:]); return err },
		"no such code": func() error {
			_, err := tok.Gaps(context.Background(), pix, append(make([]uint16, 15), 64))
			return err
		},
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := tok.Gaps(context.Background(), pix, codes); err != nil {
		t.Error(err)
	}
	tok.Close()
	if _, err := tok.Gaps(context.Background(), pix, codes); err == nil {
		t.Error("a closed tokenizer gives gaps")
	}
}
