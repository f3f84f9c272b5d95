package train

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/imglish/imglish/pixels"
)

// recorded are views with vectors that were computed before.
type recorded struct {
	Config
	files  []*featureFile
	starts []int64 // number of the first row of each file, and of the end
	dim    int
	held   int64 // rows at the end that only measuring sees
	sha256 string
}

// Recorded reads views and their vectors from Parquet files, or from all .parquet files below folders: a row is a view
// as it was shown to a teacher, and what the teacher said of its patches. Crops and flips are in the rows; training
// only draws rows, and roughens what the encoder sees. The last rows, as many as HeldOut says, are held out: rows of
// one picture should follow one another.
func Recorded(c Config, paths []string) (Lessons, error) {
	r := &recorded{Config: c, starts: []int64{0}}
	err := r.open(paths)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *recorded) open(paths []string) error {
	names, err := parquetFiles(paths)
	if err != nil {
		return err
	}
	all := sha256.New()
	rows := int64(0)
	for _, name := range names {
		f, err := openFeatures(name)
		if err != nil {
			return fmt.Errorf("recorded views %s: %w", name, err)
		}
		r.files = append(r.files, f)
		rows += f.parquet.NumRows()
		r.starts = append(r.starts, rows)
		all.Write(f.sum)
	}
	r.sha256 = hex.EncodeToString(all.Sum(nil))
	if rows < 2 {
		return fmt.Errorf("recorded views %s: %d rows, at least one is to be learned from and one held out", strings.Join(paths, ", "), rows)
	}
	r.held = min(max(int64(r.HeldOut*float64(rows)+0.5), 1), rows-1)
	_, values, err := r.row(0)
	if err != nil {
		return err
	}
	patches := r.Grid() * r.Grid()
	if r.dim = len(values) / patches; r.dim == 0 || len(values) != r.dim*patches {
		return fmt.Errorf("recorded views %s: row 0 has %d %s, no multiple of the %d patches of the grid of %d×%d",
			names[0], len(values), vectorsColumn, patches, r.Grid(), r.Grid())
	}
	return nil
}

// parquetFiles lists the files that are meant, in the order of their names within a folder.
func parquetFiles(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			out = append(out, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*.parquet"))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("recorded views %s: there is no .parquet file", path)
		}
		slices.Sort(found)
		out = append(out, found...)
	}
	return out, nil
}

func (r *recorded) Dim() int { return r.dim }

// Unread is none: a row that cannot be read is an error.
func (r *recorded) Unread() (int, error) { return 0, nil }

func (r *recorded) Sources() []string {
	var out []string
	for _, f := range r.files {
		out = append(out, fmt.Sprintf("%s (%d views)", filepath.Base(f.name), f.parquet.NumRows()))
	}
	return out
}

// Teacher tells of the files by their sizes and footers, which hold the place and the range of all that is in them: to
// read the whole would take as long as an epoch.
func (r *recorded) Teacher() any {
	return map[string]any{"recorded": map[string]any{"dim": r.dim, "sha256_of_footers": r.sha256}}
}

func (r *recorded) Draw(dst []float32, rng *rand.Rand, held bool) (*pixels.Image, error) {
	first, n := int64(0), r.starts[len(r.files)]-r.held
	if held {
		first, n = n, r.held
	}
	row := first + rng.Int64N(n)
	im, values, err := r.row(row)
	if err != nil {
		return nil, err
	}
	if len(values) != len(dst) {
		f, at := r.find(row)
		return nil, fmt.Errorf("recorded views %s: row %d has %d %s, row 0 has %d", f.name, at, len(values), vectorsColumn, len(dst))
	}
	copy(dst, values)
	return im, nil
}

// find says in which file a row is, and where there.
func (r *recorded) find(row int64) (*featureFile, int64) {
	i := sort.Search(len(r.files), func(i int) bool { return r.starts[i+1] > row })
	return r.files[i], row - r.starts[i]
}

// row reads one row.
func (r *recorded) row(row int64) (*pixels.Image, []float32, error) {
	f, at := r.find(row)
	im, values, err := f.read(at, r.Side)
	if err != nil {
		return nil, nil, fmt.Errorf("recorded views %s: row %d: %w", f.name, at, err)
	}
	return im, values, nil
}

// Close closes the files.
func (r *recorded) Close() error {
	var all error
	for _, f := range r.files {
		all = errors.Join(all, f.file.Close())
	}
	return all
}
