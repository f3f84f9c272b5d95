package trainer

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
)

func newWorld() *world { return &world{images: 3, texts: 4, pairs: 3, fail: map[int64]error{}} }

func mustRun(t *testing.T, cfg Config, feed Feed, hooks Hooks) Result {
	t.Helper()
	res, err := Run(t.Context(), cfg, tensor.NewReference[float32](), feed, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{modelFile, optimizerFile, configFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}

// Six steps give the same files as three, a stop by a signal, and three more; drop path and several packs included.
func TestResumeIsBitExact(t *testing.T) {
	cfg := worldConfig()
	cfg.DropPath, cfg.PackTokens, cfg.Model.Layers = 0.4, 70, 3
	cfg.Dir = t.TempDir()
	straight := readAll(t, mustRun(t, cfg, newWorld(), Hooks{}).Checkpoint)
	whole, err := ReadLosses(filepath.Join(cfg.Dir, LossFile))
	if err != nil {
		t.Fatal(err)
	}

	cfg.Dir = t.TempDir()
	ctx, stop := context.WithCancelCause(t.Context())
	signal := errors.New("signal")
	res, err := Run(ctx, cfg, tensor.NewReferenceThreads[float32](1), newWorld(), Hooks{Step: func(r Report) {
		if r.Step == 2 {
			stop(signal)
		}
	}})
	if !errors.Is(err, signal) || res.Steps != 3 {
		t.Fatalf("stopped run: %+v, %v; want 3 steps and the cause", res, err)
	}
	res = mustRun(t, cfg, newWorld(), Hooks{})
	if res.From != 3 || res.Steps != 6 {
		t.Fatalf("resumed run: %+v, want steps 3 to 6", res)
	}
	for name, want := range straight {
		if readAll(t, res.Checkpoint)[name] != want {
			t.Errorf("%s after a stop differs from that of a straight run", name)
		}
	}
	again, err := ReadLosses(filepath.Join(cfg.Dir, LossFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, rs := range [][]Report{whole, again} {
		for i := range rs {
			rs[i].Seconds, rs[i].Wait = 0, 0
		}
	}
	if diff := cmp.Diff(whole, again); diff != "" {
		t.Errorf("loss lines (-straight +stopped):\n%s", diff)
	}
}

func TestFeedErrorLosesNothing(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir = t.TempDir()
	w := newWorld()
	w.fail[4] = errors.New("shard gone")
	res, err := Run(t.Context(), cfg, tensor.NewReference[float32](), w, Hooks{})
	if !errors.Is(err, w.fail[4]) || res.Steps != 4 {
		t.Fatalf("Run = %+v, %v; want 4 steps and the feed's error", res, err)
	}
	if res := mustRun(t, cfg, newWorld(), Hooks{}); res.From != 4 {
		t.Errorf("second run began at step %d, want 4", res.From)
	}
}

func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir, cfg.CheckpointEvery, cfg.KeepLast = t.TempDir(), 2, 2
	mustRun(t, cfg, newWorld(), Hooks{})
	steps, err := Checkpoints(cfg.Dir)
	if diff := cmp.Diff([]int64{4, 6}, steps); err != nil || diff != "" {
		t.Fatalf("checkpoints kept: %v %v", steps, err)
	}
	file := filepath.Join(cfg.Dir, stepFolder(6), modelFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-9] ^= 1
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	var notes []string
	res := mustRun(t, cfg, newWorld(), Hooks{Note: func(s string) { notes = append(notes, s) }})
	if res.From != 4 || res.Steps != 6 || len(notes) != 2 {
		t.Errorf("Run = %+v with notes %q; want to go on from 4 and say why", res, notes)
	}
	if _, err := ReadState(res.Checkpoint); err != nil {
		t.Errorf("the damaged checkpoint was not replaced: %v", err)
	}
}

func TestAnotherRunsCheckpointIsRefused(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir = t.TempDir()
	mustRun(t, cfg, newWorld(), Hooks{})
	for name, change := range map[string]func(*Config){
		"model": func(c *Config) { c.Model.Heads = 4 },
		"seed":  func(c *Config) { c.Seed = 2 },
		"data":  func(c *Config) { c.Data = map[string]string{"world": "2"} },
	} {
		other := cfg
		change(&other)
		_, err := Run(t.Context(), other, tensor.NewReference[float32](), newWorld(), Hooks{})
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("other %s: %v, want a MismatchError", name, err)
		}
	}
}

func TestDivergenceStops(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir, cfg.Optimizer.BadSteps, cfg.Steps = t.TempDir(), 2, 20
	cfg.Std = [3]float64{1e-42, 1e-42, 1e-42} // pixels beyond float32
	_, err := Run(t.Context(), cfg, tensor.NewReference[float32](), newWorld(), Hooks{})
	if !errors.Is(err, ErrDiverged) {
		t.Fatalf("Run = %v, want ErrDiverged", err)
	}
	losses, err := ReadLosses(filepath.Join(cfg.Dir, LossFile))
	if err != nil || len(losses) != 2 || !losses[1].Skipped || losses[1].GradNorm != nil {
		t.Errorf("loss lines %+v, %v; want two skipped steps", losses, err)
	}
}

func TestLearningRate(t *testing.T) {
	cfg := Defaults()
	cfg.Steps = 1000
	cfg.Optimizer.LR, cfg.Optimizer.MinLR, cfg.Optimizer.WarmupSteps = 1, 0.1, 11
	for step, want := range map[int64]float64{0: 0, 5: 0.5, 10: 1, 11: 1, 11 + 989/2: 0.5507, 1000: 0.1, 2000: 0.1} {
		if got := cfg.LearningRate(step); math.Abs(got-want) > 1e-3 {
			t.Errorf("LearningRate(%d) = %v, want %v", step, got, want)
		}
	}
}

func TestTornLossLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), LossFile)
	if _, err := ReadLosses(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{\"step\":0}\n{\"step\":1}\n{\"st"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadLosses(path); err != nil || len(got) != 2 {
		t.Errorf("ReadLosses of a torn file = %v, %v; want two lines", got, err)
	}
	if err := os.WriteFile(path, []byte("{\"step\":0}\n{\"st\n{\"step\":2}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadLosses(path); err == nil {
		t.Errorf("ReadLosses of a file damaged in the middle = %v, want an error", got)
	}
}

// The model learns, and in pairs it looks at the picture: captions' colours are right with the right picture alone.
func TestLearnsAndLooks(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir, cfg.Steps, cfg.DropPath = t.TempDir(), 80, 0
	w := &world{images: 8, texts: 8, pairs: 8}
	var first, last Report
	res := mustRun(t, cfg, w, Hooks{Step: func(r Report) {
		if r.Step == 0 {
			first = r
		}
		last = r
	}})
	for name, l := range map[string][2]*float64{"image": {first.Image, last.Image}, "text": {first.Text, last.Text}, "pair image": {first.PairImage, last.PairImage}, "pair text": {first.PairText, last.PairText}} {
		if *l[1] > *l[0]/3 {
			t.Errorf("%s loss went from %.3f to %.3f, want a third at most", name, *l[0], *l[1])
		}
	}
	m, _, err := Open(tensor.NewReference[float32](), res.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, micros, _ := (&world{pairs: 20}).Batch(t.Context(), 1000)
	for mi := range micros {
		right := 0
		p, err := m.Predict(mi)
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		shuffled := *mi
		shuffled.Pixels = append(append([]uint8(nil), mi.Pixels[len(mi.Pixels)/mi.N:]...), mi.Pixels[:len(mi.Pixels)/mi.N]...)
		q, err := m.Predict(&shuffled)
		if err != nil {
			t.Fatal(err)
		}
		for i, target := range mi.Targets {
			if target < 0 {
				continue
			}
			if p.IDs[i] == target {
				right++
			}
			if q.IDs[i] == target {
				wrong++
			}
		}
		if mi.Kind != pipeline.Kind_PAIR || right < 19 || wrong > 14 {
			t.Errorf("colours right with the right picture %d of 20, with a wrong one %d", right, wrong)
		}
	}
}

// placed is a world with positions, as a mixer has them.
type placed struct {
	world
	resumed []mixer.Position
	refuse  error
}

func (p *placed) Position(b mixer.Batch) mixer.Position {
	return mixer.Position{Step: b.Step + 1, Digest: hex.EncodeToString(b.Digest[:]), Seed: 9}
}

func (p *placed) Resume(at mixer.Position) error {
	p.resumed = append(p.resumed, at)
	return p.refuse
}

func TestPositionIsKept(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir, cfg.Steps = t.TempDir(), 3
	mustRun(t, cfg, &placed{world: *newWorld()}, Hooks{})
	_, st, err := Newest(cfg.Dir, nil)
	if err != nil || st.Mixer == nil || st.Mixer.Step != 3 || st.Mixer.Digest != st.Digest {
		t.Fatalf("position in the checkpoint: %+v, %v", st.Mixer, err)
	}
	cfg.Steps = 4
	w := &placed{world: *newWorld()}
	mustRun(t, cfg, w, Hooks{})
	if diff := cmp.Diff([]mixer.Position{*st.Mixer}, w.resumed); diff != "" {
		t.Errorf("positions resumed at (-want +got):\n%s", diff)
	}
	w = &placed{world: *newWorld(), refuse: errors.New("other shards")}
	if _, err := Run(t.Context(), cfg, tensor.NewReference[float32](), w, Hooks{}); !errors.Is(err, w.refuse) {
		t.Errorf("Run = %v, want the mixer's refusal", err)
	}
}

// A feed whose rows are no longer the same is found by the digest.
func TestOtherRowsAreRefused(t *testing.T) {
	cfg := worldConfig()
	cfg.Dir, cfg.Steps = t.TempDir(), 3
	mustRun(t, cfg, newWorld(), Hooks{})
	_, err := Run(t.Context(), cfg, tensor.NewReference[float32](), otherRows{newWorld()}, Hooks{})
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("Run on other rows = %v, want a MismatchError", err)
	}
}

type otherRows struct{ *world }

func (o otherRows) Batch(ctx context.Context, step int64) (mixer.Batch, iter.Seq2[*mixer.Micro, error], error) {
	b, micros, err := o.world.Batch(ctx, step)
	b.Digest[0]++
	return b, micros, err
}
