package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/sandbox"
)

// The workers of these tests are this test binary. What stands behind a picture tells them how to misbehave.
func TestMain(m *testing.M) {
	sandbox.OnRequest(func(data []byte) {
		at := bytes.LastIndexByte(data, '!')
		if at < 0 {
			return
		}
		what, path, _ := strings.Cut(string(data[at+1:]), " ")
		switch what {
		case "crash":
			syscall.Kill(os.Getpid(), syscall.SIGSEGV)
			select {}
		case "panic":
			panic("the decoder met a crafted file")
		case "exit":
			os.Exit(0)
		case "hang":
			select {}
		case "spin":
			for n := 0; ; n++ { // a loop that no signal of Go's scheduler needs to end
				_ = n
			}
		case "bomb":
			for all := [][]byte{}; ; {
				b := make([]byte, 64<<20)
				for i := 0; i < len(b); i += 4096 {
					b[i] = 1
				}
				all = append(all, b)
			}
		case "noise":
			os.Stdout.WriteString(strings.Repeat("x", 100))
		case "once":
			if _, err := os.Stat(path); err != nil {
				os.WriteFile(path, nil, 0o666)
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	})
	sandbox.RunIfWorker()
	os.Exit(m.Run())
}

func picture(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "v-odd257x341.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newPool(t testing.TB, change func(*sandbox.Config)) *sandbox.Pool {
	t.Helper()
	c := sandbox.Defaults()
	c.Workers = 1
	if change != nil {
		change(&c)
	}
	p, err := sandbox.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestSameAsDecode(t *testing.T) {
	p := newPool(t, nil)
	files, _ := filepath.Glob("../testdata/decode/*.*")
	files = append(files, "../testdata/v-cmyk.jpg", "../testdata/v-exif6.jpg")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{data, data[:len(data)/2]} {
			want, wantInfo, wantErr := pixels.Decode(data, pixels.DefaultLimits())
			got, info, err := p.Decode(t.Context(), data, pixels.Limits{})
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("%s: error %v, want %v", f, err, wantErr)
				continue
			}
			if info != wantInfo {
				t.Errorf("%s: info %+v, want %+v", f, info, wantInfo)
			}
			if err == nil && (got.W != want.W || got.H != want.H || !bytes.Equal(got.Pix, want.Pix)) {
				t.Errorf("%s: other pixels", f)
			}
			for _, kind := range []error{pixels.ErrNotImage, pixels.ErrTruncated, pixels.ErrCorrupt, pixels.ErrUnsupported} {
				if errors.Is(err, kind) != errors.Is(wantErr, kind) {
					t.Errorf("%s: error %v is not of the kind of %v", f, err, wantErr)
				}
			}
		}
	}
	if n := p.Starts(); n != 1 {
		t.Errorf("%d workers started, want 1", n)
	}
}

func TestCuts(t *testing.T) {
	p := newPool(t, nil)
	im, info, err := pixels.Decode(picture(t), pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	turned := im.Turn(6) // 341×257
	cuts := []sandbox.Cut{
		{W: 341, H: 257, ToW: 32, ToH: 20, Filter: pixels.Bilinear},
		{X: 100, Y: 50, W: 241, H: 207, ToW: 64, ToH: 64},
		{ToW: 56, ToH: 56, Reference: true},
	}
	want := []*pixels.Image{
		turned.Resize(32, 20, pixels.Bilinear),
		turned.Crop(100, 50, 241, 207).Resize(64, 64, pixels.Bicubic),
		pixels.ReferenceView(turned, 56),
	}
	got, gotInfo, err := p.Cuts(t.Context(), picture(t), pixels.Limits{}, 6, cuts)
	if err != nil || gotInfo != info {
		t.Fatalf("info %+v, error %v", gotInfo, err)
	}
	for i := range want {
		if got[i].W != want[i].W || got[i].H != want[i].H || !bytes.Equal(got[i].Pix, want[i].Pix) {
			t.Errorf("cut %d differs", i)
		}
	}
	for _, c := range []sandbox.Cut{
		{X: 200, W: 100, H: 10, ToW: 8, ToH: 8}, {X: -1, W: 10, H: 10, ToW: 8, ToH: 8}, {W: 10, H: 10},
		{W: 10, H: 10, ToW: 1 << 20, ToH: 1}, {ToW: 56, ToH: 57, Reference: true},
	} {
		if _, _, err := p.Cuts(t.Context(), picture(t), pixels.Limits{}, 0, []sandbox.Cut{c}); err == nil {
			t.Errorf("cut %+v is accepted", c)
		}
	}
	if n := p.Starts(); n != 1 {
		t.Errorf("%d workers started, want 1", n)
	}
}

// Whatever happens to a worker, only the picture in it fails, and the next one decodes.
func TestMisbehaviour(t *testing.T) {
	pool := func(timeout time.Duration) *sandbox.Pool {
		return newPool(t, func(c *sandbox.Config) { c.Timeout, c.Memory = timeout, 256<<20 })
	}
	patient, hasty := pool(2*time.Minute), pool(1500*time.Millisecond)
	for _, tt := range []struct {
		p    *sandbox.Pool
		what string
		want error
		text string
	}{
		{patient, "crash", sandbox.ErrCrash, "SIGSEGV"},
		{patient, "panic", sandbox.ErrCrash, "crafted"},
		{patient, "exit", sandbox.ErrCrash, "exit status 0"},
		{patient, "bomb", sandbox.ErrCrash, ""},
		{patient, "noise", sandbox.ErrCrash, "sense"},
		{hasty, "hang", sandbox.ErrTimeout, "1.5s"},
		{hasty, "spin", sandbox.ErrTimeout, "1.5s"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			start := time.Now()
			_, info, err := tt.p.Decode(t.Context(), append(picture(t), "!"+tt.what...), pixels.Limits{})
			if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
			}
			if info.W != 257 {
				t.Errorf("info %+v, want what the header says", info)
			}
			t.Logf("%s after %s", err, time.Since(start).Round(time.Millisecond))
			_, _, err = tt.p.Decode(t.Context(), picture(t), pixels.Limits{})
			for tt.p == hasty && errors.Is(err, sandbox.ErrTimeout) && time.Since(start) < 2*time.Minute { // a busy machine
				_, _, err = tt.p.Decode(t.Context(), picture(t), pixels.Limits{})
			}
			if err != nil {
				t.Errorf("the next picture: %v", err)
			}
		})
	}
}

// A worker that somebody else killed is no fault of the picture.
func TestKilledOnce(t *testing.T) {
	p := newPool(t, nil)
	mark := filepath.Join(t.TempDir(), "mark")
	if _, _, err := p.Decode(t.Context(), append(picture(t), "!once "+mark...), pixels.Limits{}); err != nil {
		t.Error(err)
	}
	if n := p.Starts(); n != 2 {
		t.Errorf("%d workers started, want 2", n)
	}
}

func TestRecycle(t *testing.T) {
	p := newPool(t, func(c *sandbox.Config) { c.Recycle = 3 })
	for range 10 {
		if _, _, err := p.Decode(t.Context(), picture(t), pixels.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Starts(); n != 4 {
		t.Errorf("%d workers started for 10 pictures, 3 each, want 4", n)
	}
}

func TestCancel(t *testing.T) {
	p := newPool(t, func(c *sandbox.Config) { c.Timeout = 2 * time.Minute })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, _, err := p.Decode(ctx, append(picture(t), "!hang"...), pixels.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if _, _, err := p.Decode(t.Context(), picture(t), pixels.Limits{}); err != nil {
		t.Errorf("the next picture: %v", err)
	}
}

func TestParallelAndClose(t *testing.T) {
	p := newPool(t, func(c *sandbox.Config) { c.Workers = 3 })
	want, _, err := pixels.Decode(picture(t), pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			data := picture(t)
			if i%4 == 1 {
				data = append(data, "!crash"...)
			}
			im, _, err := p.Decode(t.Context(), data, pixels.Limits{})
			if i%4 == 1 {
				if !errors.Is(err, sandbox.ErrCrash) {
					t.Errorf("picture %d: %v, want %v", i, err, sandbox.ErrCrash)
				}
				return
			}
			if err != nil || !bytes.Equal(im.Pix, want.Pix) {
				t.Errorf("picture %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := p.Decode(t.Context(), picture(t), pixels.Limits{}); err == nil {
		t.Error("a closed pool decodes")
	}
}

// Neither a bomb nor a page in place of a picture costs a worker.
func TestHeaderIsEnough(t *testing.T) {
	p := newPool(t, nil)
	for _, tt := range []struct {
		data []byte
		want error
	}{
		{[]byte("<html>not here</html>"), pixels.ErrNotImage},
		{picture(t), pixels.ErrTooManyPixels},
	} {
		if _, _, err := p.Decode(t.Context(), tt.data, pixels.Limits{MaxPixels: 100}); !errors.Is(err, tt.want) {
			t.Errorf("error %v, want %v", err, tt.want)
		}
	}
	if n := p.Starts(); n != 0 {
		t.Errorf("%d workers started, want none", n)
	}
}

func Benchmark(b *testing.B) {
	data, err := os.ReadFile("../testdata/v-422q50.jpg")
	if err != nil {
		b.Fatal(err)
	}
	p := newPool(b, nil)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := p.Decode(b.Context(), data, pixels.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			cuts := []sandbox.Cut{{X: 100, Y: 100, W: 600, H: 600, ToW: 224, ToH: 224}}
			if _, _, err := p.Cuts(b.Context(), data, pixels.Limits{}, 0, cuts); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func ExamplePool_Cuts() {
	c := sandbox.Defaults()
	c.Workers = 1
	pool, err := sandbox.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	data, err := os.ReadFile("../testdata/v-odd257x341.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	cuts := []sandbox.Cut{{X: 10, Y: 20, W: 200, H: 200, ToW: 224, ToH: 224}}
	views, info, err := pool.Cuts(context.Background(), data, pixels.DefaultLimits(), 1, cuts)
	fmt.Println(info.Format, info.W, info.H, views[0].W, views[0].H, err)
	// Output: jpeg 257 341 224 224 <nil>
}
