package codes

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// Tokenizer is what Verify needs of a *vqkd.Tokenizer.
type Tokenizer interface {
	// Encode: pixels [n, S, S, 3] uint8 RGB to codes [n, G²], safe for several goroutines.
	Encode(ctx context.Context, pixels []uint8, n int) ([]uint16, error)
	// Gaps: of one picture, how much further each given code is than the nearest, as a squared distance.
	Gaps(ctx context.Context, pixels []uint8, codes []uint16) ([]float64, error)
	// Rounding bounds the gap that two machines may come to disagree by.
	Rounding() float64
	Grid() int
	Side() int
	Codes() int
	Fingerprint() string
}

// Config says how much is verified.
type Config struct {
	Share float64 // of the views, above 0 and at most 1
	Seed  uint64  // of the choice, where Share is below 1
	Batch int     // views that are read, decoded and encoded at once
}

// Defaults verifies everything.
func Defaults() Config { return Config{Share: 1, Seed: 1, Batch: 16} }

// Validate says which setting is out of range.
func (c Config) Validate() error {
	switch {
	case !(c.Share > 0 && c.Share <= 1):
		return fmt.Errorf("share %v: want more than 0, up to 1", c.Share)
	case c.Batch < 1 || c.Batch > 4096:
		return fmt.Errorf("batch %d: want 1 to 4096 views", c.Batch)
	}
	return nil
}

// Report is what Verify found.
type Report struct {
	URL         string  `json:"url"`
	Set         string  `json:"set"` // hash of the committed shards
	Fingerprint string  `json:"visual_tokenizer"`
	Share       float64 `json:"share"`
	Seed        uint64  `json:"seed"`
	Bound       float64 `json:"bound"` // gaps up to it are rounding

	Stored   int64 `json:"stored"`   // views in the shards
	Views    int64 `json:"views"`    // verified
	Codes    int64 `json:"codes"`    // of them
	Equal    int64 `json:"equal"`    // codes that are the same
	Rounding int64 `json:"rounding"` // codes that differ within the bound
	Differ   int64 `json:"differ"`   // views with a code that differs, or that cannot be verified
	Faults   int64 `json:"faults"`   // those of them that differ by more than the bound, or cannot be verified
	// Differences are the views that differ, by shard and row; at most MaxDifferences of them.
	Differences []Difference `json:"differences"`
}

// MaxDifferences bounds what a report lists: with a wrong tokenizer every view differs.
const MaxDifferences = 1000

// Difference is a view whose stored codes are not those that were computed.
type Difference struct {
	Shard  string  `json:"shard"`
	Row    int     `json:"row"`
	ID     string  `json:"id"` // of the sample, hex
	View   int     `json:"view"`
	Differ int     `json:"differ"` // codes
	Of     int     `json:"of"`
	Gap    float64 `json:"gap"` // the largest
	Fault  bool    `json:"fault"`
	What   string  `json:"what,omitempty"` // why the view cannot be verified
}

// hinted is an error with advice for the command line.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// Verify computes the codes of stored views again. name is the tokenizer's, for errors. progress, told of views, may be
// nil. The error is for what stands in the way as a whole: another tokenizer than the shards', a shard that cannot be
// read, a store that does not answer.
func Verify(ctx context.Context, st store.Store, t Tokenizer, name string, c Config, progress func(done, total int64, note string)) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("verify codes: %w", err)
	}
	f, err := shards.Find(ctx, st)
	if err != nil {
		return nil, fmt.Errorf("verify codes: %w", err)
	}
	_, made, _, err := f.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify codes: %w", err)
	}
	if err := same(f.URL(), made, t, name); err != nil {
		return nil, err
	}
	set, err := f.Load(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("verify codes: %w", err)
	}
	hash := set.Hash()
	v := &verifier{folder: f, made: made, t: t, c: c, progress: progress, report: &Report{
		URL: f.URL(), Set: hex.EncodeToString(hash[:]), Fingerprint: t.Fingerprint(), Share: c.Share, Seed: c.Seed,
		Bound: t.Rounding(), Differences: []Difference{},
	}}
	if err := v.run(ctx, set); err != nil {
		return nil, fmt.Errorf("verify codes: %w", err)
	}
	return v.report, nil
}

// same holds the tokenizer to the one that the shards name.
func same(url string, made shards.Visual, t Tokenizer, name string) error {
	if made.Fingerprint == "" {
		return hinted{fmt.Errorf("verify codes: %s holds no codes: its line had no tokenizer for pictures", url), "imglish retoken makes codes from its views"}
	}
	has := shards.Visual{Fingerprint: t.Fingerprint(), Grid: t.Grid(), Side: t.Side(), Codes: t.Codes()}
	if has == made {
		return nil
	}
	describe := func(v shards.Visual) string {
		return fmt.Sprintf("%s (%d pixels, grid %d×%d, %d codes)", v.Fingerprint, v.Side, v.Grid, v.Grid, v.Codes)
	}
	return hinted{fmt.Errorf("verify codes: the codes of %s were made by tokenizer %s, but %s is %s: %w", url, describe(made), name, describe(has), shards.ErrMismatch),
		"give the file that the line was run with, and its settings: side, heads and precision are part of the fingerprint"}
}

type verifier struct {
	folder   shards.Folder
	made     shards.Visual
	t        Tokenizer
	c        Config
	progress func(done, total int64, note string)
	total    int64

	mu     sync.Mutex
	report *Report
}

// run verifies the files, two at a time: while one batch is encoded, another is read and decoded.
func (v *verifier) run(ctx context.Context, set *shards.Set) error {
	var files []shards.File
	for _, c := range set.Commits {
		for _, file := range c.Files {
			if file.Kind == shards.Image || file.Kind == shards.Pair {
				files = append(files, file)
				v.report.Stored += int64(file.Rows)
				v.total += int64(len(v.chosen(file)))
			}
		}
	}
	if v.total == 0 && v.report.Stored > 0 {
		return fmt.Errorf("a share of %v chooses none of %d views", v.c.Share, v.report.Stored)
	}
	p := pool.New().WithMaxGoroutines(2).WithContext(ctx).WithFirstError().WithCancelOnError()
	for _, file := range files {
		p.Go(func(ctx context.Context) error { return v.file(ctx, file) })
	}
	if err := p.Wait(); err != nil {
		return err
	}
	slices.SortFunc(v.report.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Row, b.Row))
	})
	return nil
}

// chosen are the numbers of a file's rows that are verified: a function of the seed and the file's own hash.
func (v *verifier) chosen(file shards.File) []int {
	sum, _ := hex.DecodeString(file.SHA256) // a commit that is read has a whole one
	r := rand.New(rand.NewPCG(v.c.Seed, binary.LittleEndian.Uint64(sum)))
	var out []int
	for row := range file.Rows {
		if v.c.Share == 1 || r.Float64() < v.c.Share {
			out = append(out, row)
		}
	}
	return out
}

// add puts what was found of a batch into the report.
func (v *verifier) add(views, codes, equal, rounding int, differences []Difference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.report
	r.Views += int64(views)
	r.Codes += int64(codes)
	r.Equal += int64(equal)
	r.Rounding += int64(rounding)
	r.Differ += int64(len(differences))
	for _, d := range differences {
		if d.Fault {
			r.Faults++
		}
	}
	r.Differences = append(r.Differences, differences[:min(len(differences), MaxDifferences-len(r.Differences))]...)
	if v.progress != nil {
		note := ""
		if r.Differ > 0 {
			note = fmt.Sprintf("%d views differ, %d faults", r.Differ, r.Faults)
		}
		v.progress(r.Views, v.total, note)
	}
}
