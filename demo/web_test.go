package demo

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPhotosListIsWhole(t *testing.T) {
	photos, err := Photos()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range photos {
		if p.Name == "" || p.Caption == "" || p.Licence == "" || seen[p.Name] || strings.ContainsAny(p.Caption, "\t\n") {
			t.Errorf("photo %+v: incomplete, twice, or not one line", p)
		}
		seen[p.Name] = true
	}
	if len(photos) < 10 {
		t.Errorf("%d photos, want at least 10", len(photos))
	}
}

// Each trap must go wrong in the way that its reason says, or the demo shows nothing.
func TestTraps(t *testing.T) {
	dir := t.TempDir()
	jpeg := append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte("x"), 5000)...)
	if err := os.WriteFile(filepath.Join(dir, "0.jpg"), jpeg, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, bombFile), decompressionBomb(), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := startWeb(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	client := &http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > 4 || req.URL.Hostname() != "127.0.0.1" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	get := func(path string) (*http.Response, []byte, error) {
		resp, err := client.Get(w.url() + strings.TrimPrefix(path, "/"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
		return resp, body, err
	}
	if _, body, err := get("/0.jpg"); err != nil || !bytes.Equal(body, jpeg) {
		t.Errorf("/0.jpg: %d bytes, %v", len(body), err)
	}
	if resp, _, _ := get("/gone.jpg"); resp.StatusCode != 404 {
		t.Errorf("/gone.jpg: %s", resp.Status)
	}
	if resp, _, _ := get("/loop-a"); resp.StatusCode != http.StatusFound {
		t.Errorf("/loop-a: %s, want a redirect still", resp.Status)
	}
	if resp, _, _ := get("/to-metadata"); !strings.Contains(resp.Header.Get("Location"), "169.254.") {
		t.Errorf("/to-metadata: %s", resp.Header.Get("Location"))
	}
	if _, body, _ := get("/truncated.jpg"); !bytes.Equal(body, jpeg[:len(jpeg)/2]) {
		t.Errorf("/truncated.jpg: %d bytes", len(body))
	}
	if _, _, err := get("/cut.jpg"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("/cut.jpg: %v, want unexpected EOF", err)
	}
	if _, body, _ := get("/flood.jpg"); len(body) < 64<<20 {
		t.Errorf("/flood.jpg: ended after %d bytes", len(body))
	}
	_, body, _ := get("/bomb.png")
	cfg, err := png.DecodeConfig(bytes.NewReader(body))
	if err != nil || cfg.Width*cfg.Height != 900_000_000 || len(body) > 1<<20 {
		t.Errorf("/bomb.png: %d bytes, %d×%d, %v", len(body), cfg.Width, cfg.Height, err)
	}
}
