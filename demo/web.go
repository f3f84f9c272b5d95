package demo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// trap is a row of the demo's list that goes wrong, as rows of real lists do.
type trap struct {
	path    string // on the demo's server, or a whole URL
	caption string
	reason  string // what the line says of it
}

// traps are what a crawler meets. The whole URLs are never dialled: that is what they show.
var traps = []trap{
	{"/gone.jpg", "a page that is gone", "http-404"},
	{"/error.jpg", "a server that is broken", "http-500"},
	{"/loop-a", "two pages that point at each other", "redirect-loop"},
	{"/to-metadata", "a redirect to a cloud's metadata service", "private-address"},
	{"/page.jpg", "a page of HTML that calls itself a picture", "not-an-image"},
	{"/truncated.jpg", "the first half of a JPEG", "truncated"},
	{"/cut.jpg", "a transfer that ends early", "truncated"},
	{"/bomb.png", "a picture of 900 million pixels in a small file", "too-many-pixels"},
	{"/flood.jpg", "a picture without an end", "too-many-bytes"},
	{"http://10.1.2.3/router.jpg", "an address of somebody's own network", "private-address"},
	{"http://169.254.169.254/latest/meta-data", "the metadata service itself", "private-address"},
	{"file:///etc/passwd", "a local file", "bad-scheme"},
}

// web is the demo's stand-in for the internet: photos, and traps, on loopback.
type web struct {
	addr string
	srv  *http.Server
	ln   net.Listener
}

// startWeb serves dir on loopback. port 0 takes a free one.
func startWeb(dir string, port int) (*web, error) {
	ln, err := listen(port)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("serve the demo's pictures: %w", err),
			"another program holds that port; end it, or remove the demo's folder to start over"}
	}
	w := &web{addr: ln.Addr().String(), ln: ln}
	w.srv = &http.Server{Handler: newMux(dir), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := w.srv.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "demo server:", err)
		}
	}()
	return w, nil
}

// listen opens a port of loopback. A free one is looked for below those that systems give to whoever asks for any, so that
// it is still free when the demo is run again.
func listen(port int) (net.Listener, error) {
	at := func(port int) (net.Listener, error) {
		return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	if port != 0 {
		return at(port)
	}
	for range 100 {
		if ln, err := at(15000 + rand.IntN(17000)); !errors.Is(err, syscall.EADDRINUSE) {
			return ln, err
		}
	}
	return at(0)
}

func (w *web) port() int    { return w.ln.Addr().(*net.TCPAddr).Port }
func (w *web) url() string  { return "http://" + w.addr + "/" }
func (w *web) close() error { return w.srv.Close() }

func newMux(dir string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(os.DirFS(dir)))
	mux.HandleFunc("/gone.jpg", http.NotFound)
	mux.HandleFunc("/error.jpg", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	mux.Handle("/loop-a", http.RedirectHandler("/loop-b", http.StatusFound))
	mux.Handle("/loop-b", http.RedirectHandler("/loop-a", http.StatusFound))
	mux.Handle("/to-metadata", http.RedirectHandler("http://169.254.169.254/latest/meta-data", http.StatusFound))
	mux.HandleFunc("/page.jpg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		fmt.Fprint(w, "<!doctype html><title>Buy this domain</title>")
	})
	mux.HandleFunc("/truncated.jpg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(half(dir))
	})
	mux.HandleFunc("/cut.jpg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", "1000000")
		w.Write(half(dir))
	})
	mux.HandleFunc("/flood.jpg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		head := half(dir)
		for r.Context().Err() == nil {
			if _, err := w.Write(head); err != nil {
				return
			}
		}
	})
	return mux
}

// half returns the first half of the first rendered picture.
func half(dir string) []byte {
	names, _ := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if len(names) == 0 {
		return []byte{0xff, 0xd8, 0xff, 0xe0}
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		return nil
	}
	return data[:len(data)/2]
}

// decompressionBomb is a PNG of 30,000 × 30,000 equal pixels: some hundred kB that would unpack to 900 MB. Making it takes
// a second or two, so it is made once, with the data.
func decompressionBomb() []byte {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&b, blank{}); err != nil {
		panic(err) // writing to memory
	}
	return b.Bytes()
}

// blank is an image that needs no memory.
type blank struct{}

func (blank) ColorModel() color.Model     { return color.Palette{color.Black, color.White} }
func (blank) Bounds() image.Rectangle     { return image.Rect(0, 0, 30000, 30000) }
func (blank) At(int, int) color.Color     { return color.Black }
func (blank) ColorIndexAt(int, int) uint8 { return 0 }

// hintedError carries what to do about an error.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hintedError) Hint() string { return e.hint }
