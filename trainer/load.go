package trainer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// Load reads every weight from a file, whose tensor of each parameter is called name(parameter). A nil name takes the
// model's own. The file may hold other tensors too.
func (m *Model) Load(f *checkpoint.File, name func(string) string) error {
	return m.load(f, m.params.w, name)
}

func (m *Model) load(f *checkpoint.File, into tensor.Tensor, name func(string) string) error {
	for _, own := range m.params.names {
		q := m.params.byName[own]
		n := own
		if name != nil {
			n = name(own)
		}
		if !f.Has(n) {
			return fmt.Errorf("%s: no tensor %s, which the model needs", f.Path(), n)
		}
		if got := trimOnes(f.Shape(n)); !slices.Equal(got, trimOnes(q.shape)) {
			return fmt.Errorf("%s: tensor %s is %v, the model's is %v", f.Path(), n, f.Shape(n), q.shape)
		}
		x, err := f.Float32(n)
		if err != nil {
			return fmt.Errorf("%s: tensor %s: %w", f.Path(), n, err)
		}
		m.b.Upload(m.params.state(into, q), x)
	}
	return m.b.Sync()
}

// trimOnes drops leading axes of length 1: files keep the class token as [1, 1, D].
func trimOnes(shape []int) []int {
	for len(shape) > 1 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

// tensors downloads one of the flat states for a file.
func (m *Model) tensors(flat tensor.Tensor) []checkpoint.Named {
	var out []checkpoint.Named
	for _, own := range m.params.names {
		q := m.params.byName[own]
		x := make([]float32, size(q.shape))
		m.b.Download(x, m.params.state(flat, q))
		out = append(out, checkpoint.Named{Name: own, Shape: q.shape, Data: x})
	}
	return out
}

// ReleasedName is what the published BEiT-3 files call a parameter of a model in the released form (split attention and
// norms, sub-norm, no vision-language experts, position offset 2).
func ReleasedName(own string) string {
	if n, ok := map[string]string{
		"cls": "beit3.vision_embed.cls_token", "mask": "beit3.vision_embed.mask_token",
		"patch.weight": "beit3.vision_embed.proj.weight", "patch.bias": "beit3.vision_embed.proj.bias",
		"text.weight": "beit3.text_embed.weight",
		"pos_v":       "beit3.encoder.embed_positions.A.weight", "pos_t": "beit3.encoder.embed_positions.B.weight",
	}[own]; ok {
		return n
	}
	name, kind := own[:strings.LastIndexByte(own, '.')], own[strings.LastIndexByte(own, '.'):] // kind: .weight or .bias
	if name == "mim_head" || name == "mlm_head" {
		return own
	}
	f := strings.Split(name, ".")
	modality := map[string]string{"v": ".A", "l": ".B"}
	if f[0] == "norm" {
		return "beit3.encoder.layer_norm" + modality[f[1]] + kind
	}
	at := "beit3.encoder.layers." + f[1]
	if f[2] == "ffn" {
		m := modality[f[3]]
		return at + map[string]string{
			"norm": ".final_layer_norm" + m, "ln": ".ffn" + m + ".ffn_layernorm", "fc1": ".ffn" + m + ".fc1", "fc2": ".ffn" + m + ".fc2",
		}[f[4]] + kind
	}
	return at + map[string]string{
		"norm1": ".self_attn_layer_norm", "attn_ln": ".self_attn.inner_attn_ln", "q": ".self_attn.q_proj",
		"k": ".self_attn.k_proj", "v": ".self_attn.v_proj", "o": ".self_attn.out_proj",
	}[f[2]] + modality[f[3]] + kind
}
