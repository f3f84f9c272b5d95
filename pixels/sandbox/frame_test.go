package sandbox

import (
	"bytes"
	"testing"

	"github.com/imglish/imglish/pixels"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	q := request{MaxPixels: 7, Turn: 6, Cuts: []Cut{{X: 1, Y: 2, W: 3, H: 4, ToW: 5, ToH: 6, Filter: pixels.Lanczos}}, TimeoutMS: 9}
	if err := writeFrame(&b, q, []byte("data")); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(b.Bytes())
	var got request
	body, err := readFrame(&b, &got, 4)
	if err != nil || string(body) != "data" || got.MaxPixels != 7 || got.Turn != 6 || len(got.Cuts) != 1 || got.Cuts[0] != q.Cuts[0] {
		t.Errorf("read back %+v with %q, error %v", got, body, err)
	}
	for n := range whole {
		if _, err := readFrame(bytes.NewReader(whole[:n]), &got, 4); err == nil {
			t.Errorf("the first %d of %d bytes are a frame", n, len(whole))
		}
	}
	if _, err := readFrame(bytes.NewReader(whole), &got, 3); err == nil {
		t.Error("a frame above the limit is read")
	}
}

// A worker that has been taken over may answer anything: nothing may crash, or take memory beyond the limit.
func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	if err := writeFrame(&b, answer{Info: pixels.Info{Format: "jpeg", W: 2, H: 1}, Sizes: [][2]int{{2, 1}}}, make([]byte, 6)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:20])
	f.Add([]byte("\xff\xff\xff\xff\x02\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a answer
		body, err := readFrame(bytes.NewReader(data), &a, 100)
		if err == nil && (len(body) > 100 || len(body) > len(data)) {
			t.Errorf("%d bytes out of %d", len(body), len(data))
		}
	})
}
