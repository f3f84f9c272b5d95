package vqkd

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

func TestInspect(t *testing.T) {
	got, err := Inspect("testdata/vqkd_tiny.pth", Options{Heads: 3, Side: 96})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.SHA256) != 64 || len(got.Fingerprint) != 64 {
		t.Errorf("hashes %q, %q", got.SHA256, got.Fingerprint)
	}
	got.SHA256, got.Fingerprint = "", ""
	want := Info{Format: "pytorch zip", DType: "F32", Patch: 16, Width: 48, Depth: 2, Heads: 3, Hidden: 192, Codes: 64, CodeDim: 8,
		OwnSide: 64, Side: 96, Grid: 6, Decoder: 1, Teacher: 16}
	// Patches, class token and positions, two blocks, the last norm, the head, the codebook.
	want.Parameters = (48*768 + 48) + 48 + 17*48 + 2*(4*48+3*48*48+2*48+48*48+48+2*48*192+192+48) + 2*48 + (48*48 + 48 + 8*48 + 8) + 64*8
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Inspect (-want +got):\n%s", diff)
	}
	for path, format := range map[string]string{"vqkd_tiny.safetensors": "safetensors", "vqkd_tiny_legacy.pth": "pytorch legacy", "vqkd_tiny_training_ckpt.pth": "pytorch zip"} {
		if i, err := Inspect(filepath.Join("testdata", path), Options{Heads: 3}); err != nil || i.Format != format || i.Parameters != got.Parameters {
			t.Errorf("%s: %+v, %v", path, i, err)
		}
	}
}

// What Inspect says without keeping the weights is what a loaded tokenizer says of itself.
func TestInspectAgreesWithLoad(t *testing.T) {
	for _, o := range []Options{{Heads: 3}, {Heads: 6}, {Heads: 3, Side: 96, Batch: 5}, {Heads: 3, Precision: tensor.Fast}} {
		got, err := Inspect(tiny, o)
		if err != nil {
			t.Fatal(err)
		}
		got.Format, got.DType, got.SHA256, got.OwnSide, got.Decoder, got.Teacher, got.Parameters = "", "", "", 0, 0, 0, 0 // of the file
		if diff := cmp.Diff(loadTiny(t, tiny, o).Info(), got); diff != "" {
			t.Errorf("%+v (-Load +Inspect):\n%s", o, diff)
		}
	}
}

// The three released files differ in what training needs: the decoder's depth and the teacher. Training checkpoints hold
// the teacher itself besides, and data-parallel ones a prefix. None of it may touch the codes.
func TestLayoutsOfReleases(t *testing.T) {
	f, err := checkpoint.Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im := decode(t, "../pixels/testdata/v-224.png")
	want := photos(t)["v-224"].Codes
	dir := t.TempDir()
	for _, tt := range []struct {
		name             string
		decoder, teacher int
		prefix           string
		extra            []string
	}{
		{"3x clip", 3, 512, "", nil},
		{"1x clip", 1, 512, "", nil},
		{"1x dino", 1, 768, "", nil},
		{"encoder alone", 0, 0, "", nil},
		{"training checkpoint", 3, 512, "", []string{"teacher_model.visual.proj", "scaling_layer.shift", "scaling_layer.scale", "loss.weight"}},
		{"data-parallel", 3, 512, "module.", []string{"teacher_model.visual.proj"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := map[string]checkpoint.Named{}
			for _, name := range f.Names() {
				v, err := f.Float32(name)
				if err != nil {
					t.Fatal(err)
				}
				n := checkpoint.Named{Name: tt.prefix + name, Shape: f.Shape(name), Data: v}
				if !strings.HasPrefix(name, "decode") {
					all[n.Name] = n
				}
				for block := range tt.decoder { // the file's own decoder has one block
					n.Name = tt.prefix + strings.Replace(name, "decoder.blocks.0.", fmt.Sprintf("decoder.blocks.%d.", block), 1)
					all[n.Name] = n
				}
			}
			for _, name := range append(tt.extra, "decode_task_layer.2.weight") {
				if tt.teacher > 0 {
					all[tt.prefix+name] = checkpoint.Named{Name: tt.prefix + name, Shape: []int{tt.teacher, 48}, Data: make([]float32, tt.teacher*48)}
				}
			}
			path := filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "_")+".safetensors")
			if err := checkpoint.WriteSafetensors(path, slices.Collect(maps.Values(all)), nil); err != nil {
				t.Fatal(err)
			}
			i, err := Inspect(path, Options{Heads: 3})
			if err != nil || i.Decoder != tt.decoder || i.Teacher != tt.teacher {
				t.Errorf("decoder of %d blocks, teacher of %d, %v; want %d and %d", i.Decoder, i.Teacher, err, tt.decoder, tt.teacher)
			}
			tok, err := Load(tensor.NewReference[float32](), path, Options{Heads: 3})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tok.Encode(context.Background(), im.Pix, 1); err != nil || !slices.Equal(got, want) {
				t.Errorf("codes %v, %v, want %v", got, err, want)
			}
		})
	}
}
