package metrics_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/metrics"
)

func fine() error { return nil }

func TestServerOff(t *testing.T) {
	for _, address := range []string{"", metrics.Off} {
		s, err := metrics.Serve(metrics.Config{Address: address})
		if s != nil || err != nil || s.Address() != "" || s.Close() != nil {
			t.Errorf("%q: server %v, error %v", address, s, err)
		}
	}
}

func TestServerBadAddress(t *testing.T) {
	for address, want := range map[string]string{
		"9464":            `"9464" is no address: want host:port, :port for this machine alone, or off`,
		"127.0.0.1":       "is no address",
		":http":           "has no port from 0 to 65535",
		":65536":          "has no port from 0 to 65535",
		"192.0.2.1:9464":  "listen on 192.0.2.1:9464: ",
		"nowhere.invalid": "is no address",
	} {
		s, err := metrics.Serve(metrics.Config{Address: address, Live: fine, Ready: fine})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
		s.Close()
	}
}

func TestServerPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = metrics.Serve(metrics.Config{Address: l.Addr().String(), Live: fine, Ready: fine})
	want := "metrics: listen on " + l.Addr().String() + ": the port is in use"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "--metrics") {
		t.Errorf("no hint: %v", err)
	}
}

func TestServerAnswersAndEnds(t *testing.T) {
	sick := errors.New("no lane has moved")
	s, err := metrics.Serve(metrics.Config{
		Address: "127.0.0.1:0", Live: func() error { return sick }, Ready: fine, Details: func() string { return "lane 3 waits\n" },
	})
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + s.Address()
	for _, tt := range []struct {
		method, page string
		code         int
		body         string
	}{
		{"GET", "/healthz", 503, "no lane has moved\nlane 3 waits\n"},
		{"GET", "/readyz", 200, "ok\nlane 3 waits\n"},
		{"HEAD", "/readyz", 200, ""},
		{"POST", "/readyz", 405, "Method Not Allowed\n"},
		{"GET", "/debug/pprof/", 404, "404 page not found\n"},
		{"GET", "/", 404, "404 page not found\n"},
	} {
		req, _ := http.NewRequest(tt.method, base+tt.page, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != tt.code || string(body) != tt.body {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.page, res.StatusCode, body, tt.code, tt.body)
		}
	}
	// A connection that says nothing does not hold up the end.
	silent, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("Close does not end")
	}
	if _, err := http.Get(base + "/readyz"); err == nil {
		t.Error("answers behind Close")
	}
}

// Two collectors that show the same are a mistake of the program, said at once.
func TestServerRefusesDoubles(t *testing.T) {
	a, b := metrics.NewTraining(1), metrics.NewTraining(2)
	if s, err := metrics.Serve(metrics.Config{Address: ":0", Collectors: []prometheus.Collector{a, b}, Live: fine, Ready: fine}); err == nil {
		s.Close()
		t.Error("no error")
	}
}
