package vqkd

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor/checkpoint"
	"github.com/imglish/imglish/vqkd/formula"
)

// grids is what PyTorch gives for grids that a file was not made for; testdata/grids/make.py wrote it.
type grids struct {
	Tables []struct {
		From, To int
		At       []int
		Value    []float32
	}
	Models  []gridCodes
	Rounded []gridCodes
}

type gridCodes struct {
	Patch, Own, Side int
	Kind, Image      string
	Codes            []uint16
	Margin           []float64
}

func expectGrids(t *testing.T) (g grids) {
	t.Helper()
	raw, err := os.ReadFile("testdata/grids/expect.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestResizePositionsAsPyTorch(t *testing.T) {
	tables := expectGrids(t).Tables
	if len(tables) < 6 {
		t.Fatalf("%d tables", len(tables))
	}
	for _, e := range tables {
		table := formula.Tensor(fmt.Sprintf("%d.pos_embed", e.From), []int{1, 1 + e.From*e.From, 2}, 1)
		got := resizePositions(table, 2, e.From, e.To)
		if len(got) != 2*(1+e.To*e.To) {
			t.Errorf("%d to %d: %d values", e.From, e.To, len(got))
			continue
		}
		for i, at := range e.At {
			if math.Abs(float64(got[at]-e.Value[i])) > 2e-6 {
				t.Errorf("%d to %d: value %d is %v, want %v", e.From, e.To, at, got[at], e.Value[i])
			}
		}
	}
}

// writeFormula writes the tiny model with another patch and position table.
func writeFormula(t *testing.T, patch, own int) string {
	t.Helper()
	f, err := checkpoint.Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []checkpoint.Named
	for _, name := range f.Names() {
		shape := f.Shape(name)
		switch name {
		case "encoder.pos_embed":
			shape = []int{1, 1 + own*own, 48}
		case "encoder.patch_embed.proj.weight":
			shape = []int{48, 3, patch, patch}
		}
		if strings.HasPrefix(name, "encode") || name == "quantize.embedding.weight" {
			all = append(all, checkpoint.Named{Name: name, Shape: shape, Data: formula.Tensor(name, shape, 1)})
		}
	}
	path := filepath.Join(t.TempDir(), "t.safetensors")
	if err := checkpoint.WriteSafetensors(path, all, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// Patch 14 with 16×16 patches of its own or by a resized table, 384 pixels on a table for 224, and others.
func TestCodesOfOtherGrids(t *testing.T) {
	models := expectGrids(t).Models
	if len(models) < 15 {
		t.Fatalf("%d models", len(models))
	}
	for _, e := range models {
		t.Run(fmt.Sprintf("patch %d own %d side %d %s", e.Patch, e.Own, e.Side, e.Image), func(t *testing.T) {
			tok := loadOn(t, backends(t)["cpu"](), writeFormula(t, e.Patch, e.Own), Options{Side: e.Side})
			defer tok.Close()
			if tok.Grid() != e.Side/e.Patch {
				t.Fatalf("grid %d", tok.Grid())
			}
			sameCodes(t, tok, e)
		})
	}
}

// Files of 16-bit values give the codes of their rounded weights.
func TestCodesOfHalfPrecisionFiles(t *testing.T) {
	rounded := expectGrids(t).Rounded
	if len(rounded) < 6 {
		t.Fatalf("%d models", len(rounded))
	}
	for _, e := range rounded {
		tok := loadTiny(t, "../tensor/checkpoint/testdata/vqkd_tiny_"+e.Kind+".pth", Options{})
		sameCodes(t, tok, e)
	}
}

// sameCodes compares codes where the second-best is further than what float32 promises.
func sameCodes(t *testing.T, tok *Tokenizer, e gridCodes) {
	t.Helper()
	view := pixels.ReferenceView(decode(t, "../pixels/testdata/"+e.Image), tok.Side())
	got, err := tok.Encode(context.Background(), view.Pix, 1)
	if err != nil || len(got) != len(e.Codes) {
		t.Fatalf("%d codes, %v, want %d", len(got), err, len(e.Codes))
	}
	for i, c := range got {
		if c != e.Codes[i] && e.Margin[i] > tok.Rounding() {
			t.Errorf("%s %s: code %d is %d, want %d by %.3g", e.Kind, e.Image, i, c, e.Codes[i], e.Margin[i])
		}
	}
}
