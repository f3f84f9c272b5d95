package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
	"github.com/imglish/imglish/vqkd"
)

// write stores what encoding needs under the published names: the encoder, its head, the codebook. Weights are rounded
// to half precision; the codebook is not, since its rows must stay of unit length.
func (r *run) write(path string, res *Result) error {
	b := r.b
	var all []checkpoint.Named
	values := func(t tensor.Tensor) []float32 {
		v := make([]float32, t.Len())
		b.Download(v, t)
		return v
	}
	r.m.w.each(func(name string, t tensor.Tensor) {
		if !strings.HasPrefix(name, "enc") {
			return
		}
		shape := t.Shape
		switch {
		case strings.HasSuffix(name, "cls_token"):
			shape = []int{1, 1, r.Width}
		case strings.HasSuffix(name, "pos_embed"):
			shape = append([]int{1}, shape...)
		case strings.HasSuffix(name, "patch_embed.proj.weight"):
			shape = []int{r.Width, 3, r.Patch, r.Patch}
		}
		all = append(all, checkpoint.Named{Name: name, Shape: shape, DType: checkpoint.F16, Data: values(t)})
	})
	all = append(all, checkpoint.Named{Name: "quantize.embedding.weight", Shape: r.m.book.Shape, Data: values(r.m.book)})
	if err := b.Sync(); err != nil {
		return err
	}
	if err := checkpoint.WriteSafetensors(path, all, nil); err != nil {
		return err
	}
	config := vqkd.FileConfig{Heads: r.Heads, Side: r.Side}
	if res != nil {
		config.Training = map[string]any{
			"config": r.Config, "teacher": r.lessons.Teacher(), "sources": r.lessons.Sources(), "loss": res.Loss, "measures": res.Measures,
		}
	}
	js, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path+".json", append(js, '\n'))
}

func (r *run) statePath() string { return r.path + ".state" }

// digest names what a state belongs to: the settings, the views and the teacher; not when they are measured and judged.
func (c Config) digest(l Lessons) (string, error) {
	c.EvalEvery, c.SaveEvery, c.Views, c.Patience = 0, 0, 0, 0
	c.MinUsage, c.MinPerplexity, c.MinStability, c.FloorsFrom = 0, 0, 0, 0
	data, err := json.Marshal(map[string]any{"config": c, "teacher": l.Teacher(), "sources": l.Sources()})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// stateTensors lists all that a run moves.
func (r *run) stateTensors(f func(name string, t tensor.Tensor)) {
	for _, p := range r.opt.params {
		f("weight/"+p.name, p.w)
		f("first/"+p.name, p.m)
		f("second/"+p.name, p.v)
	}
	f("book", r.m.book)
	f("usage", r.m.usage)
}

func (r *run) saveState() error {
	var all []checkpoint.Named
	r.stateTensors(func(name string, t tensor.Tensor) {
		v := make([]float32, t.Len())
		r.b.Download(v, t)
		all = append(all, checkpoint.Named{Name: name, Shape: t.Shape, Data: v})
	})
	if err := r.b.Sync(); err != nil {
		return err
	}
	all = append(all, checkpoint.Named{Name: "recent", Shape: []int{r.Codes}, Data: r.m.recent})
	exact := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return checkpoint.WriteSafetensors(r.statePath(), all, map[string]string{
		"digest": r.digest, "step": strconv.Itoa(r.done),
		"loss": exact(r.loss.v), "commitment": exact(r.commit.v), "count": exact(r.loss.n),
	})
}

// resume goes on from a state, if there is one. A state of other settings is an error: it may be worth keeping.
func (r *run) resume() error {
	f, err := checkpoint.Open(r.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w; remove it to begin anew", err)
	}
	defer f.Close()
	meta := f.Metadata()
	if meta["digest"] != r.digest {
		return fmt.Errorf("%s is of a training with other settings, pictures or teacher: remove it, or give the same again", r.statePath())
	}
	r.stateTensors(func(name string, t tensor.Tensor) {
		v, e := f.Float32(name)
		if e == nil && len(v) != t.Len() {
			e = fmt.Errorf("%s: tensor %s has %d values, want %d", r.statePath(), name, len(v), t.Len())
		}
		if e != nil {
			err = e
			return
		}
		r.b.Upload(t, v)
	})
	if err != nil {
		return err
	}
	recent, err := f.Float32("recent")
	if err != nil {
		return err
	}
	copy(r.m.recent, recent)
	for key, to := range map[string]*float64{"loss": &r.loss.v, "commitment": &r.commit.v, "count": &r.loss.n} {
		if *to, err = strconv.ParseFloat(meta[key], 64); err != nil {
			return fmt.Errorf("%s: %s: %w", r.statePath(), key, err)
		}
	}
	r.commit.n = r.loss.n
	if r.done, err = strconv.Atoi(meta["step"]); err != nil || r.done < 0 || r.done > r.Steps {
		return fmt.Errorf("%s: step %q", r.statePath(), meta["step"])
	}
	r.o.Logf("going on behind step %d of %d", r.done, r.Steps)
	return nil
}
