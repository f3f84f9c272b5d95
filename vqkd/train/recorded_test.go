package train

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
)

func openRecorded(t *testing.T, c Config, paths ...string) *recorded {
	t.Helper()
	l, err := Recorded(c, paths)
	if err != nil {
		t.Fatal(err)
	}
	r := l.(*recorded)
	t.Cleanup(func() { r.Close() })
	return r
}

// Rows that pyarrow wrote come out as testdata/make_recorded.py made them: in float and in half, in small groups and in one.
func TestRecordedRows(t *testing.T) {
	for _, name := range []string{"recorded.parquet", "recorded_half.parquet"} {
		r := openRecorded(t, small(), "testdata/"+name)
		if r.Dim() != 3 || r.held != 1 {
			t.Fatalf("%s: dim %d, %d held out", name, r.Dim(), r.held)
		}
		for row := range 12 {
			im, values, err := r.row(int64(row))
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if want := float32((i+5*row)%33)/4 - 4; v != want {
					t.Fatalf("%s, row %d: value %d = %v, want %v", name, row, i, v, want)
				}
			}
			if red, green, blue := im.At(31, 31); int(red) != 20*row || green != 240 || int(blue) != 255-10*row {
				t.Errorf("%s, row %d: the last pixel is %d %d %d", name, row, red, green, blue)
			}
		}
	}
}

// Training sees the first rows and measuring the last, across files.
func TestRecordedSides(t *testing.T) {
	c := small()
	c.HeldOut = 0.25
	r := openRecorded(t, c, "testdata/recorded.parquet", "testdata/recorded_half.parquet")
	rng, dst := generator(1, "test", 0, 0), make([]float32, 48)
	var seen [2]map[float32]bool
	for side := range seen {
		seen[side] = map[float32]bool{}
		for range 300 {
			if _, err := r.Draw(dst, rng, side == 1); err != nil {
				t.Fatal(err)
			}
			seen[side][dst[0]] = true
		}
	}
	// 24 rows, 6 of them held out: rows 6 to 11 of the second file; all of the first are there to train.
	if len(seen[0]) != 12 || len(seen[1]) != 6 {
		t.Errorf("%d different views to train, %d held out, want 12 and 6", len(seen[0]), len(seen[1]))
	}
}

func TestRecordedTrains(t *testing.T) {
	needJPEG(t)
	c := small()
	c.Steps, c.Batch = 4, 8
	path := filepath.Join(t.TempDir(), "t.safetensors")
	if _, err := Run(t.Context(), tensor.NewReference[float32](), c, openRecorded(t, c, "testdata/recorded.parquet"), path, Options{}); err != nil {
		t.Fatal(err)
	}
	js, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Training struct {
			Teacher struct {
				Recorded struct {
					Dim    int
					SHA256 string `json:"sha256_of_footers"`
				}
			}
			Sources []string
		}
	}
	if err := json.Unmarshal(js, &told); err != nil {
		t.Fatal(err)
	}
	if r := told.Training.Teacher.Recorded; r.Dim != 3 || len(r.SHA256) != 64 || len(told.Training.Sources) != 1 || told.Training.Sources[0] != "recorded.parquet (12 views)" {
		t.Errorf("the record tells %+v", told.Training)
	}
}

// A file tells what is wrong with it, and where.
func TestRecordedRefuses(t *testing.T) {
	needJPEG(t)
	type row struct {
		Encoded  []byte    `parquet:"encoded"`
		Features []float32 `parquet:"features,list"`
	}
	png := func(side int) []byte {
		data, err := pixels.EncodeJPEG(pixels.New(side, side), 90, true)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := row{png(32), make([]float32, 32)}
	write := func(name string, rows any) string {
		path := filepath.Join(t.TempDir(), name)
		var err error
		switch rows := rows.(type) {
		case []row:
			err = parquet.WriteFile(path, rows)
		case []struct{ Encoded []byte }:
			err = parquet.WriteFile(path, rows)
		case string:
			err = os.WriteFile(path, []byte(rows), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name string
		rows any
		want string
	}{
		{"one row", []row{good}, "1 rows"},
		{"another grid", []row{{png(32), make([]float32, 30)}, good}, "row 0 has 30 features, no multiple of the 16"},
		{"another length", []row{good, {png(32), make([]float32, 48)}}, "row 1 has 48 features, row 0 has 32"},
		{"another side", []row{good, {png(40), make([]float32, 32)}}, "row 1: the view has 40×40 pixels"},
		{"no picture", []row{good, {[]byte("no picture"), make([]float32, 32)}}, "row 1:"},
		{"not a number", []row{good, {png(32), append(make([]float32, 31), float32(math.NaN()))}}, "row 1: value 31 of features"},
		{"no such column", []struct{ Encoded []byte }{{png(32)}}, "no column encoded; wanted"},
		{"text", "no Parquet file at all", "does not end as a Parquet file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write("views.parquet", tt.rows)
			l, err := Recorded(small(), []string{path})
			dst := make([]float32, 32)
			for i := 0; err == nil && i < 20; i++ {
				_, err = l.Draw(dst, generator(1, "test", i, 0), i%2 == 0)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that names the file and says %q", err, tt.want)
			}
		})
	}
	if _, err := Recorded(small(), []string{t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no .parquet file") {
		t.Errorf("an empty folder: %v", err)
	}
}
