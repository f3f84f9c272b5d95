package trainer

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// A checkpoint is a folder step-00000350 with model.safetensors (weights), optimizer.safetensors (AdamW's moments, as
// m.<name> and v.<name>) and config.json. It appears whole: it is written under another name, synced and renamed.
const (
	modelFile     = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	configFile    = "config.json"
	stepPrefix    = "step-"
	partPrefix    = ".part-"
	formatName    = "imglish trainer 1"
	maxConfigSize = 1 << 20
)

// ErrNoCheckpoint says that a folder holds no checkpoint.
var ErrNoCheckpoint = errors.New("no checkpoint")

// State is what config.json says beside the weights.
type State struct {
	Format  string            `json:"format"`
	Step    int64             `json:"step"`    // steps done; the next one's number
	Updates int               `json:"updates"` // of the weights: steps with finite gradients
	Digest  string            `json:"digest"`  // rolling SHA-256 over the rows of all steps done, in hex
	Mixer   *mixer.Position   `json:"mixer"`   // where the feed stands, if it is Positioned
	Config  Config            `json:"config"`
	SHA256  map[string]string `json:"sha256"` // of the files beside this one
}

// MismatchError says that a checkpoint belongs to another run.
type MismatchError struct{ Path, What string }

func (e *MismatchError) Error() string { return e.Path + ": " + e.What }

// Hint says what to do.
func (e *MismatchError) Hint() string {
	return "set train.dir to another folder, or put the settings and data back that this run began with"
}

func stepFolder(step int64) string { return fmt.Sprintf("%s%08d", stepPrefix, step) }

// save writes a checkpoint with st's step and place in the data into dir, and drops all but the last keep.
func (o *optimizer) save(dir string, st State, keep int) (path string, err error) {
	step := st.Step
	path = filepath.Join(dir, stepFolder(step))
	defer func() {
		if err != nil {
			err = fmt.Errorf("checkpoint %s: %w", path, err)
		}
	}()
	part := filepath.Join(dir, partPrefix+stepFolder(step))
	if err := os.RemoveAll(part); err != nil {
		return path, err
	}
	if err := os.MkdirAll(part, 0o777); err != nil {
		return path, err
	}
	p := &o.m.params
	moments := append(prefixed("m.", o.m.tensors(p.m)), prefixed("v.", o.m.tensors(p.v))...)
	st.Format, st.Updates, st.Config, st.SHA256 = formatName, o.updates, *o.cfg, map[string]string{}
	meta := map[string]string{"format": formatName, "step": strconv.FormatInt(step, 10)}
	for name, tensors := range map[string][]checkpoint.Named{modelFile: o.m.tensors(p.w), optimizerFile: moments} {
		at := filepath.Join(part, name)
		if err := checkpoint.WriteSafetensors(at, tensors, meta); err != nil {
			return path, err
		}
		if st.SHA256[name], err = fileSum(at); err != nil {
			return path, err
		}
	}
	if err := o.m.b.Sync(); err != nil {
		return path, err
	}
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return path, err
	}
	if err := durable.WriteFile(filepath.Join(part, configFile), append(text, '\n')); err != nil {
		return path, err
	}
	if err := os.RemoveAll(path); err != nil { // left by a run that took other steps, or damaged
		return path, err
	}
	if err := durable.Rename(part, path); err != nil {
		return path, err
	}
	return path, prune(dir, step, keep)
}

func prefixed(prefix string, ts []checkpoint.Named) []checkpoint.Named {
	for i := range ts {
		ts[i].Name = prefix + ts[i].Name
	}
	return ts
}

func fileSum(path string) (string, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, err := f.SHA256()
	return hex.EncodeToString(sum[:]), err
}

// prune removes all but the last keep checkpoints up to that of step, and parts of ones never finished.
func prune(dir string, step int64, keep int) error {
	steps, err := Checkpoints(dir)
	if err != nil {
		return err
	}
	var errs []error
	older := slices.Index(steps, step)
	for i, s := range steps { // those beyond step are damaged, else the run had gone on from them
		if i < older-(keep-1) || s > step {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, stepFolder(s))))
		}
	}
	parts, err := filepath.Glob(filepath.Join(dir, partPrefix+"*"))
	errs = append(errs, err)
	for _, p := range parts {
		errs = append(errs, os.RemoveAll(p))
	}
	return errors.Join(errs...)
}

// Checkpoints lists the steps of a folder's checkpoints in order; none if the folder is not there.
func Checkpoints(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var steps []int64
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), stepPrefix); ok && e.IsDir() {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && stepFolder(n) == e.Name() {
				steps = append(steps, n)
			}
		}
	}
	slices.Sort(steps)
	return steps, err
}

// Latest gives the path of the newest checkpoint in dir; ErrNoCheckpoint if there is none.
func Latest(dir string) (string, error) {
	steps, err := Checkpoints(dir)
	if err != nil {
		return "", err
	}
	if len(steps) == 0 {
		return "", fmt.Errorf("%s: %w", dir, ErrNoCheckpoint)
	}
	return filepath.Join(dir, stepFolder(steps[len(steps)-1])), nil
}

// Newest gives the newest sound checkpoint in dir and its state. Those that cannot be read are passed over, and told
// to note (may be nil); if none is sound and some are there, it is an error. An empty path means that there is none.
func Newest(dir string, note func(error)) (path string, st State, err error) {
	steps, err := Checkpoints(dir)
	if err != nil {
		return "", st, err
	}
	var damage error
	for _, step := range slices.Backward(steps) {
		path := filepath.Join(dir, stepFolder(step))
		st, err := ReadState(path)
		if err == nil {
			return path, st, nil
		}
		damage = errors.Join(damage, err)
		if note != nil {
			note(err)
		}
	}
	if damage != nil {
		return "", st, &DamagedError{dir, damage}
	}
	return "", st, nil
}

// DamagedError says that no checkpoint of a folder can be read.
type DamagedError struct {
	Dir string
	Err error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("no checkpoint in %s can be read: %v", e.Dir, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *DamagedError) Hint() string {
	return "put the files back from a copy, or move the folder away to begin anew"
}

// ReadState reads a checkpoint's config.json and checks its files against it.
func ReadState(path string) (State, error) {
	var st State
	at := filepath.Join(path, configFile)
	text, err := readBounded(at, maxConfigSize)
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(text, &st); err != nil {
		return st, fmt.Errorf("%s: %w", at, err)
	}
	if st.Format != formatName {
		return st, fmt.Errorf("%s: format is %q, want %q", at, st.Format, formatName)
	}
	for _, name := range []string{modelFile, optimizerFile} {
		sum, err := fileSum(filepath.Join(path, name))
		if err != nil {
			return st, err
		}
		if sum != st.SHA256[name] {
			return st, fmt.Errorf("%s: SHA-256 is %s, %s says %s", filepath.Join(path, name), sum, configFile, st.SHA256[name])
		}
	}
	return st, st.Config.Model.Validate()
}

// Open loads the model of a checkpoint for inference.
func Open(b tensor.Backend, path string) (*Model, State, error) {
	st, err := ReadState(path)
	if err != nil {
		return nil, st, err
	}
	m, err := NewModel(b, st.Config.Model, false)
	if err != nil {
		return nil, st, err
	}
	m.Normalise(st.Config.Mean, st.Config.Std)
	if err := m.loadFile(path, modelFile, m.params.w, ""); err != nil {
		m.Close()
		return nil, st, err
	}
	return m, st, nil
}

func (m *Model) loadFile(path, name string, into tensor.Tensor, prefix string) error {
	f, err := checkpoint.Open(filepath.Join(path, name))
	if err != nil {
		return err
	}
	defer f.Close()
	return m.load(f, into, func(n string) string { return prefix + n })
}

// resume takes weights, moments and the count of updates from a checkpoint.
func (o *optimizer) resume(path string, st State) error {
	p := &o.m.params
	o.updates = st.Updates
	return errors.Join(
		o.m.loadFile(path, modelFile, p.w, ""),
		o.m.loadFile(path, optimizerFile, p.m, "m."),
		o.m.loadFile(path, optimizerFile, p.v, "v."),
	)
}
