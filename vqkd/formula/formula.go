// Package formula makes the weights of a tokenizer from their names: a model of any size without a stored file, for which
// the reference's results are known, and which every language can make again.
//
// They are no trained weights: their codes mean nothing. But sizes, key names and the spread of the values are those of
// the published tokenizer, so it is what speed and precision are measured with. Start with [WriteBase].
package formula

import (
	_ "embed"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"github.com/imglish/imglish/tensor/checkpoint"
)

// baseKeys lists the tensors of the published file, ViT-B/16 with 8192 codes of 32: name, shape, type.
//
//go:embed base_keys.tsv
var baseKeys string

// WriteBase writes the encoder and the codebook of the published model's size, 167 tensors and more, as safetensors.
func WriteBase(path string) error {
	var all []checkpoint.Named
	for line := range strings.Lines(baseKeys) {
		name, rest, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(name, "decoder.") || strings.HasPrefix(name, "decode_task") {
			continue
		}
		sides, _, _ := strings.Cut(rest, "\t")
		shape := []int{}
		for _, side := range strings.FieldsFunc(sides, func(r rune) bool { return r < '0' || r > '9' }) {
			n := 0
			if _, err := fmt.Sscan(side, &n); err != nil {
				return fmt.Errorf("shape %s of %s: %w", sides, name, err)
			}
			shape = append(shape, n)
		}
		all = append(all, checkpoint.Named{Name: name, Shape: shape, Data: Tensor(name, shape, 1)})
	}
	return checkpoint.WriteSafetensors(path, all, nil)
}

// Tensor makes the values of a tensor from its name and a seed, row-major.
func Tensor(name string, shape []int, seed uint64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	start := h.Sum64() ^ seed
	n := 1
	for _, d := range shape {
		n *= d
	}
	scale, base := spread(name, shape)
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

// spread is how far a tensor's values reach around which base: for products, what keeps the variance.
func spread(name string, shape []int) (scale, base float32) {
	switch {
	case strings.HasSuffix(name, "bias"):
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
