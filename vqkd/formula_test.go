package vqkd

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor/checkpoint"
)

// formulaTensor makes the values of a tensor from its name and a seed, so that a model of any size can be made again
// where the reference's results are known, without storing weights.
func formulaTensor(name string, shape []int, seed uint64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	start := h.Sum64() ^ seed
	n := 1
	for _, d := range shape {
		n *= d
	}
	scale, base := formulaScale(name, shape)
	out := make([]float32, n)
	for i := range out {
		z := start + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		v := float32(z>>40)*(1.0/(1<<23)) - 1
		out[i] = float32(v*scale) + base
	}
	if name == "quantize.embedding.weight" {
		for d, k := shape[1], 0; k < shape[0]; k++ {
			sum := 0.0
			for _, v := range out[k*d : (k+1)*d] {
				sum += float64(v) * float64(v)
			}
			for j := range d {
				out[k*d+j] = float32(float64(out[k*d+j]) / math.Sqrt(sum))
			}
		}
	}
	return out
}

func formulaScale(name string, shape []int) (scale, base float32) {
	bias := strings.HasSuffix(name, "bias")
	switch {
	case strings.Contains(name, "norm") && bias, bias:
		return 0.1, 0
	case strings.Contains(name, "norm"):
		return 0.2, 1
	case strings.HasSuffix(name, "cls_token"), strings.HasSuffix(name, "pos_embed"):
		return 0.5, 0
	case strings.HasSuffix(name, "embedding.weight"):
		return 1, 0
	case strings.HasSuffix(name, "cluster_size"), strings.HasSuffix(name, "embed_avg"):
		return 0, 0
	case strings.HasSuffix(name, "initted"):
		return 0, 1
	}
	fan := 1
	for _, d := range shape[1:] {
		fan *= d
	}
	gain := 1.0
	switch {
	case strings.Contains(name, ".qkv."):
		gain = 1.3
	case strings.Contains(name, ".attn.proj."):
		gain = 0.7
	case strings.Contains(name, "patch_embed"):
		gain = 1.5
	}
	return float32(gain * math.Sqrt(3/float64(fan))), 0
}

// The formula gives the tiny model's file, so it can be trusted for other sizes.
func TestFormulaGivesTheTinyModel(t *testing.T) {
	f, err := checkpoint.Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		if strings.HasSuffix(name, "embed_avg") {
			continue // not needed for codes
		}
		want, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		got := formulaTensor(name, f.Shape(name), 1)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s[%d] = %v, want %v", name, i, got[i], want[i])
				break
			}
		}
	}
}

// The published model's size: 167 tensors of ViT-B/16, 8192 codes of 32. What is checked is that it loads, and that its
// codes are the same whatever shares the batch.
func TestFullSize(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a 440 MB file")
	}
	path := filepath.Join(t.TempDir(), "base.safetensors")
	writeBase(t, path)
	tok, err := Load(backends(t)["cpu"](), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Grid() != 14 || tok.Side() != 224 || tok.Codes() != 8192 || tok.heads != 12 {
		t.Fatalf("grid %d, side %d, codes %d, heads %d", tok.Grid(), tok.Side(), tok.Codes(), tok.heads)
	}
	im := decode(t, "testdata/images/v-224.jpg")
	if im.W != 224 || im.H != 224 {
		t.Fatalf("%d×%d", im.W, im.H)
	}
	two := append(append([]uint8{}, im.Pix...), make([]uint8, len(im.Pix))...)
	together, err := tok.Encode(context.Background(), two, 2)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := tok.Encode(context.Background(), im.Pix, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint16]bool{}
	for i, c := range alone {
		if together[i] != c {
			t.Fatalf("code %d = %d in a batch of two, %d alone", i, together[i], c)
		}
		seen[c] = true
	}
	if len(seen) < 5 {
		t.Errorf("a photo has %d different codes", len(seen))
	}
}

// writeBase writes the base model with formula weights, from the list of the published file's tensors.
func writeBase(t testing.TB, path string) {
	t.Helper()
	f, err := os.Open("testdata/vqkd_base_keys.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []checkpoint.Named
	for sc := bufio.NewScanner(f); sc.Scan(); {
		cols := strings.Split(sc.Text(), "\t")
		if strings.HasPrefix(cols[0], "decoder.") || strings.HasPrefix(cols[0], "decode_task") {
			continue
		}
		shape := []int{}
		for _, d := range strings.Split(strings.Trim(cols[1], "[]"), ", ") {
			if n := 0; d != "" {
				if _, err := fmt.Sscan(d, &n); err != nil {
					t.Fatal(err)
				}
				shape = append(shape, n)
			}
		}
		all = append(all, checkpoint.Named{Name: cols[0], Shape: shape, Data: formulaTensor(cols[0], shape, 1)})
	}
	if err := checkpoint.WriteSafetensors(path, all, nil); err != nil {
		t.Fatal(err)
	}
}
