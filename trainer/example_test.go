package trainer_test

import (
	"fmt"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/trainer"
)

// A model in the paper's form, asked for one masked piece. It has not been trained, so the answer means nothing.
func ExampleModel_Predict() {
	cfg := trainer.Defaults().Model
	cfg.Layers, cfg.Width, cfg.Heads, cfg.FFN, cfg.VLLayers, cfg.MaxText = 2, 16, 2, 32, 1, 16
	if err := cfg.Fit(32, 4, 64, 100); err != nil { // views of 32 pixels and 4×4 patches, 64 codes, 100 pieces
		panic(err)
	}
	m, err := trainer.NewModel(tensor.NewReference[float32](), cfg, false)
	if err != nil {
		panic(err)
	}
	defer m.Close()
	m.Init(1)
	const bos, eos, mask = 0, 2, 99
	p, err := m.Predict(&mixer.Micro{
		Kind: pipeline.Kind_TEXT, N: 1,
		InputIDs:  []int32{bos, 17, mask, eos},
		Targets:   []int32{mixer.Ignore, mixer.Ignore, 42, mixer.Ignore},
		CuSeqlens: []int32{0, 4},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Parameters(), "parameters;", len(p.IDs), "answers, asked for:", p.IDs[0] >= 0, p.IDs[1] >= 0, p.IDs[2] >= 0, p.IDs[3] >= 0)
	// Output: 15828 parameters; 4 answers, asked for: false false true false
}
