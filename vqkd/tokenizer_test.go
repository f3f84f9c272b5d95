package vqkd

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

const tiny = "testdata/vqkd_tiny.safetensors" // width 48, 3 heads, 64×64, patch 16, 64 codes

func loadTiny(t testing.TB, path string, o Options) *Tokenizer {
	t.Helper()
	return loadOn(t, tensor.NewReference[float32](), path, o)
}

func loadOn(t testing.TB, b tensor.Backend, path string, o Options) *Tokenizer {
	t.Helper()
	if o.Heads == 0 {
		o.Heads = 3
	}
	tok, err := Load(b, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// backends are what every test of values runs on.
func backends(t testing.TB) map[string]func() tensor.Backend {
	return map[string]func() tensor.Backend{
		"go": tensor.NewReference[float32],
		"cpu": func() tensor.Backend {
			b, err := cpu.New(2)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	}
}

// photo is one line of the codes that the reference implementation gave.
type photo struct {
	Image      string
	SHA256     string // of the file
	CropSHA256 string `json:"crop_sha256"` // of the model's input, [64, 64, 3] uint8
	Codes      []uint16
	Second     []uint16
	Margin     []float64 // of the second-best code, as a squared distance
}

func photos(t testing.TB) map[string]photo {
	t.Helper()
	f, err := os.Open("testdata/vqkd_tiny_codes.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]photo{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var p photo
		if err := json.Unmarshal(sc.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(p.Image, ".jpg")] = p
	}
	return all
}

// decode reads a picture; a JPEG skips the test in builds without libjpeg-turbo.
func decode(t testing.TB, path string) *pixels.Image {
	t.Helper()
	if strings.HasSuffix(path, ".jpg") && pixels.JPEGVersion() == "" {
		t.Skip("built without libjpeg-turbo")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return im
}

// The PNGs are the reference's own model inputs, so every code must be equal, from every file format.
func TestCodesOfModelInputs(t *testing.T) {
	inputs, _ := filepath.Glob("../pixels/testdata/v-*.png")
	if len(inputs) != 14 {
		t.Fatalf("%d inputs, want 14", len(inputs))
	}
	want := photos(t)
	for _, file := range []string{"vqkd_tiny.safetensors", "vqkd_tiny.pth", "vqkd_tiny_legacy.pth", "vqkd_tiny_training_ckpt.pth"} {
		backend := backends(t)["go"]
		if file == "vqkd_tiny.pth" { // one file is enough for the other backend
			backend = backends(t)["cpu"]
		}
		tok := loadOn(t, backend(), "testdata/"+file, Options{})
		for _, path := range inputs {
			name := strings.TrimSuffix(filepath.Base(path), ".png")
			im := decode(t, path)
			got, err := tok.Encode(context.Background(), im.Pix, 1)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want[name].Codes) {
				t.Errorf("%s of %s:\n got %v\nwant %v", name, file, got, want[name].Codes)
			}
		}
	}
}

// From the JPEG on, decoding and resizing included.
func TestCodesOfPhotos(t *testing.T) {
	files, _ := filepath.Glob("../pixels/testdata/v-*.jpg")
	if len(files) != 14 { // baseline and progressive, 4:4:4, 4:2:2 and 4:2:0, grey, CMYK, turned by EXIF, odd sizes, saturated
		t.Fatalf("%d photos, want 14", len(files))
	}
	tok, want := loadTiny(t, tiny, Options{}), photos(t)
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".jpg")
		view := pixels.ReferenceView(decode(t, path), tok.Side())
		got, err := tok.Encode(context.Background(), view.Pix, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want[name].Codes) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want[name].Codes)
		}
	}
}

// Photos that are not in the repository: those of the fixture that the demo has fetched, or that lie in the folder
// IMGLISH_PHOTOS (npm packages @stdlib/datasets-img-<name>).
func TestCodesOfMorePhotos(t *testing.T) {
	if pixels.JPEGVersion() == "" {
		t.Skip("built without libjpeg-turbo")
	}
	dir := cmp.Or(os.Getenv("IMGLISH_PHOTOS"), "../.cache/demo-data")
	tok, n := loadTiny(t, tiny, Options{}), 0
	for name, want := range photos(t) {
		data, err := os.ReadFile(filepath.Join(dir, name+".jpg"))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != want.SHA256 {
			continue
		}
		im, _, err := pixels.Decode(data, pixels.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		view := pixels.ReferenceView(im, tok.Side())
		if sum := fmt.Sprintf("%x", sha256.Sum256(view.Pix)); sum != want.CropSHA256 {
			t.Errorf("%s: the view's pixels have SHA-256 %s, want %s", name, sum, want.CropSHA256)
		}
		got, err := tok.Encode(context.Background(), view.Pix, 1)
		if err != nil {
			t.Fatal(err)
		}
		if n++; !slices.Equal(got, want.Codes) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want.Codes)
		}
	}
	if n == 0 {
		t.Skip("none of the photos is here: make demo fetches some")
	}
	t.Logf("%d photos", n)
}

// Codes alone are a blunt test: a wrong activation or epsilon hardly shows in them.
func TestInnerTensors(t *testing.T) {
	f, err := checkpoint.Open("testdata/vqkd_tiny_inter.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	input, err := f.Float32("input") // [1, 3, 64, 64] in [−1, 1]
	if err != nil {
		t.Fatal(err)
	}
	pix := make([]uint8, len(input))
	for c := range 3 {
		for i := range 64 * 64 {
			pix[3*i+c] = uint8(math.Round((float64(input[c*64*64+i]) + 1) * 127.5))
		}
	}
	for name, backend := range backends(t) {
		t.Run(name, func(t *testing.T) { compareInner(t, loadOn(t, backend(), tiny, Options{}), f, pix) })
	}
}

func compareInner(t *testing.T, tok *Tokenizer, f *checkpoint.File, pix []uint8) {
	t.Helper()
	fixture := func(name string) []float32 {
		v, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	seen := 0
	var before []float32 // what came into the block
	codes := make([]uint16, 16)
	err := tok.encodeBatch(codes, pix, 1, func(name string, x tensor.Tensor) {
		got := make([]float32, x.Len())
		tok.b.Download(got, x)
		var want []float32
		if block, ok := strings.CutSuffix(name, ".mid"); ok { // the fixture holds the attention's part
			want = slices.Clone(fixture(block + ".attn"))
			for i := range want {
				want[i] += before[i]
			}
		} else {
			want = fixture(name)
		}
		if name == "pos_added" || name == "block0" {
			before = got
		}
		worst := 0.0
		for i := range got {
			worst = max(worst, math.Abs(float64(got[i]-want[i])))
		}
		if len(got) != len(want) || worst > 1e-4 {
			t.Errorf("%s: %d values off by up to %.2g, want %d within 1e-4", name, len(got), worst, len(want))
		}
		seen++
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != 11 {
		t.Errorf("%d inner tensors compared, want 11", seen)
	}
	want, err := f.Ints("codes")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range want {
		if int64(codes[i]) != c {
			t.Errorf("code %d = %d, want %d", i, codes[i], c)
		}
	}
}

// A picture's codes do not depend on what shares its batch, nor on how the call is cut into batches.
func TestBatchesDoNotShow(t *testing.T) {
	inputs, _ := filepath.Glob("../pixels/testdata/v-*.png")
	var all []uint8
	for _, path := range inputs {
		all = append(all, decode(t, path).Pix...)
	}
	ctx := context.Background()
	for name, backend := range backends(t) {
		want, err := loadOn(t, backend(), tiny, Options{Batch: 1}).Encode(ctx, all, len(inputs))
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range []int{2, 5, 64} {
			got, err := loadOn(t, backend(), tiny, Options{Batch: batch}).Encode(ctx, all, len(inputs))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: batch %d gives other codes than batch 1", name, batch)
			}
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := loadTiny(t, tiny, Options{}).Encode(stopped, all, len(inputs)); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	a := loadTiny(t, tiny, Options{}).Fingerprint()
	if b := loadTiny(t, tiny, Options{Batch: 3}).Fingerprint(); a != b {
		t.Error("the batch size shows in the fingerprint")
	}
	for name, tok := range map[string]*Tokenizer{
		"file":  loadTiny(t, "testdata/vqkd_tiny.pth", Options{}),
		"side":  loadTiny(t, tiny, Options{Side: 96}),
		"heads": loadTiny(t, tiny, Options{Heads: 6}),
		"tier":  loadTiny(t, tiny, Options{Precision: tensor.Fast}),
	} {
		if tok.Fingerprint() == a {
			t.Errorf("another %s gives the same fingerprint", name)
		}
	}
}

func TestOtherGrid(t *testing.T) {
	tok := loadTiny(t, tiny, Options{Side: 96})
	if tok.Grid() != 6 || tok.Side() != 96 || tok.Codes() != 64 {
		t.Fatalf("grid %d, side %d, codes %d", tok.Grid(), tok.Side(), tok.Codes())
	}
	codes, err := tok.Encode(context.Background(), make([]uint8, 2*96*96*3), 2)
	if err != nil || len(codes) != 72 {
		t.Errorf("%d codes, %v", len(codes), err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	f, err := checkpoint.Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// write copies the tiny model with one change.
	write := func(name string, change func(n *checkpoint.Named) bool) string {
		var all []checkpoint.Named
		for _, k := range f.Names() {
			v, err := f.Float32(k)
			if err != nil {
				t.Fatal(err)
			}
			n := checkpoint.Named{Name: k, Shape: f.Shape(k), Data: v}
			if change(&n) {
				all = append(all, n)
			}
		}
		path := filepath.Join(dir, name+".safetensors")
		if err := checkpoint.WriteSafetensors(path, all, nil); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bookChange := func(set float32) func(n *checkpoint.Named) bool {
		return func(n *checkpoint.Named) bool {
			if n.Name == "quantize.embedding.weight" {
				for i := range 8 {
					n.Data.([]float32)[8*7+i] = set
				}
			}
			return true
		}
	}
	rename := func(from, to string) func(n *checkpoint.Named) bool {
		return func(n *checkpoint.Named) bool {
			n.Name = strings.Replace(n.Name, from, to, 1)
			return true
		}
	}
	tests := []struct {
		name, path string
		o          Options
		says       string
	}{
		{"missing file", filepath.Join(dir, "none"), Options{}, "no such file"},
		{"heads unknown", tiny, Options{}, "the number of heads is unknown"},
		{"heads do not divide", tiny, Options{Heads: 5}, "5 heads"},
		{"side", tiny, Options{Heads: 3, Side: 65}, "no multiple of the patch"},
		{"tensor missing", write("a", func(n *checkpoint.Named) bool { return n.Name != "encoder.fc_norm.bias" }),
			Options{Heads: 3}, "encoder.fc_norm.bias"},
		{"codebook missing", write("b", func(n *checkpoint.Named) bool { return n.Name != "quantize.embedding.weight" }),
			Options{Heads: 3}, "quantize.embedding.weight"},
		{"codebook never started", write("c", bookChange(0)), Options{Heads: 3}, "row 7 has length 0"},
		{"codebook not finite", write("d", bookChange(float32(math.NaN()))), Options{Heads: 3}, "NaN"},
		{"shape", write("e", func(n *checkpoint.Named) bool {
			if n.Name == "encoder.blocks.1.norm2.bias" {
				n.Shape, n.Data = []int{47}, make([]float32, 47)
			}
			return true
		}), Options{Heads: 3}, "[47], want [48]"},
		{"hole in a block", write("f", func(n *checkpoint.Named) bool { return n.Name != "encoder.blocks.1.attn.qkv.weight" }),
			Options{Heads: 3}, "there is no tensor encoder.blocks.1.attn.qkv.weight"},
		{"block missing", write("g", rename("encoder.blocks.1.", "encoder.blocks.2.")), Options{Heads: 3}, "there is no tensor encoder.blocks.1.norm1.weight"},
		{"too deep", write("h", rename("encoder.blocks.1.", "encoder.blocks.99999999999.")), Options{Heads: 3}, "depth is"},
		{"layer scale", write("i", rename("quantize.cluster_size", "encoder.blocks.0.gamma_1")), Options{Heads: 3}, "has no tensor encoder.blocks.0.gamma_1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tensor.NewReference[float32](), tt.path, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one saying %q", err, tt.says)
			}
			if _, inspected := Inspect(tt.path, tt.o); fmt.Sprint(inspected) != fmt.Sprint(err) {
				t.Errorf("Inspect's error is %v, Load's %v", inspected, err)
			}
		})
	}
}

func TestConfigBesideTheFile(t *testing.T) {
	dir := t.TempDir()
	raw, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "t.safetensors")
	os.WriteFile(path, raw, 0o600)
	os.WriteFile(path+".json", []byte(`{"heads": 3, "side": 96}`), 0o600)
	tok, err := Load(tensor.NewReference[float32](), path, Options{})
	if err != nil || tok.Grid() != 6 || tok.heads != 3 {
		t.Fatalf("%+v, %v", tok, err)
	}
	if tok, err = Load(tensor.NewReference[float32](), path, Options{Side: 64}); err != nil || tok.Grid() != 4 {
		t.Errorf("an option should win over the config: %v", err)
	}
	for _, bad := range []string{`{"head": 3}`, `{`, `{"heads": -1}`} {
		os.WriteFile(path+".json", []byte(bad), 0o600)
		if _, err := Load(tensor.NewReference[float32](), path, Options{Heads: 3}); err == nil || !strings.Contains(err.Error(), ".json") {
			t.Errorf("config %s: %v", bad, err)
		}
	}
}

func TestResizePositions(t *testing.T) {
	// A table that grows linearly along x and y: inside, cubic interpolation with
	// A = −0.75 stays within 0.08 of the line, at PyTorch's coordinates.
	const from, to = 14, 24
	table := make([]float32, (from*from+1)*2)
	table[0], table[1] = 77, 78
	for y := range from {
		for x := range from {
			table[(1+y*from+x)*2], table[(1+y*from+x)*2+1] = float32(x), float32(y)
		}
	}
	out := resizePositions(table, 2, from, to)
	if out[0] != 77 || out[1] != 78 {
		t.Errorf("class token's row = %v, want kept", out[:2])
	}
	for y := 4; y < 20; y++ {
		for x := 4; x < 20; x++ {
			at := out[(1+y*to+x)*2:]
			wantX, wantY := (float64(x)+0.5)*14/24.1-0.5, (float64(y)+0.5)*14/24.1-0.5
			if math.Abs(float64(at[0])-wantX) > 0.08 || math.Abs(float64(at[1])-wantY) > 0.08 {
				t.Fatalf("cell (%d,%d) = (%v, %v), want (%.3f, %.3f)", x, y, at[0], at[1], wantX, wantY)
			}
		}
	}
	// One cell by hand: 1 → 2 cells has all taps on one value.
	if got := resizePositions([]float32{5, 9}, 1, 1, 2); !slices.Equal(got, []float32{5, 9, 9, 9, 9}) {
		t.Errorf("1×1 to 2×2 = %v", got)
	}
	// 2 → 3 by hand, middle row's middle cell: centre 1.5·2/3.1 − 0.5.
	got := resizePositions([]float32{0, 1, 2, 3, 4}, 1, 2, 3)
	tt := 1.5*2/3.1 - 0.5
	w := func(d float64) float64 {
		if d <= 1 {
			return 1.25*d*d*d - 2.25*d*d + 1
		}
		return -0.75*d*d*d + 3.75*d*d - 6*d + 3
	}
	low := w(1+tt) + w(tt) // both taps that fall on index 0
	want := float64(low*low)*1 + low*(1-low)*2 + (1-low)*low*3 + (1-low)*(1-low)*4
	if math.Abs(float64(got[5])-want) > 1e-5 {
		t.Errorf("2×2 to 3×3, middle = %v, want %v", got[5], want)
	}
}

// Files come out in order, each with codes or an error.
func TestEncodeFiles(t *testing.T) {
	needJPEG(t)
	tok, want := loadTiny(t, tiny, Options{Batch: 2}), photos(t)
	broken := filepath.Join(t.TempDir(), "broken.jpg")
	if err := os.WriteFile(broken, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{"../pixels/testdata/v-224.jpg", broken, "../pixels/testdata/v-exif6.jpg", "none.jpg", "../pixels/testdata/v-wide1000x60.jpg"}
	i := 0
	err := tok.EncodeFiles(context.Background(), paths, func(f FileCodes) error {
		if f.Path != paths[i] {
			t.Errorf("file %d is %s, want %s", i, f.Path, paths[i])
		}
		p, good := want[strings.TrimSuffix(filepath.Base(f.Path), ".jpg")]
		if good != (f.Err == nil) || good && !slices.Equal(f.Codes, p.Codes) {
			t.Errorf("%s: codes %v, error %v", f.Path, f.Codes, f.Err)
		}
		i++
		return nil
	})
	if err != nil || i != len(paths) {
		t.Errorf("%d files, %v", i, err)
	}
}
