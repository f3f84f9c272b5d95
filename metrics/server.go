package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Off is the address that turns a server off which the graph file turns on.
const Off = "off"

// Config is what a server shows.
type Config struct {
	// Address is host:port. Without a host it is 127.0.0.1: whoever wants to be seen from elsewhere says so. Port 0 is a
	// free one.
	Address    string
	Collectors []prometheus.Collector
	Live       func() error  // why the process does not live; nil if it does
	Ready      func() error  // why it is not ready; nil if it is
	Details    func() string // lines below the answer; may be nil
}

// Server answers on /metrics, /healthz and /readyz. A nil Server is one that is off.
type Server struct {
	server   *http.Server
	listener net.Listener
	done     chan struct{}
}

// CheckAddress says what is wrong with an address.
func CheckAddress(address string) error {
	_, err := fullAddress(address)
	return err
}

// fullAddress fills in loopback; "" stands for no server.
func fullAddress(address string) (string, error) {
	if address == "" || address == Off {
		return "", nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("metrics: %q is no address: want host:port, :port for this machine alone, or %s", address, Off)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("metrics: %q has no port from 0 to 65535", address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// listenError says why a server could not listen, and what to do about it.
type listenError struct {
	address string
	err     error
}

func (e *listenError) Error() string {
	if errors.Is(e.err, syscall.EADDRINUSE) {
		return fmt.Sprintf("metrics: listen on %s: the port is in use", e.address)
	}
	return fmt.Sprintf("metrics: listen on %s: %v", e.address, e.err)
}

func (e *listenError) Unwrap() error { return e.err }

// Hint says what to do.
func (e *listenError) Hint() string {
	if errors.Is(e.err, syscall.EADDRINUSE) {
		return "each process needs a port of its own: give this one another by --metrics HOST:PORT, or none by --metrics " + Off
	}
	return ""
}

// Serve starts a server; an empty address, or Off, starts none.
func Serve(c Config) (*Server, error) {
	address, err := fullAddress(c.Address)
	if err != nil || address == "" {
		return nil, err
	}
	registry := prometheus.NewPedanticRegistry()
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build{},
	}, c.Collectors...)
	for _, x := range all {
		if err := registry.Register(x); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &listenError{address, err}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4,                // a scraper is one, a person another
		Timeout:             10 * time.Second, // Prometheus gives up then, too
	}))
	mux.Handle("GET /healthz", answer(c.Live, c.Details))
	mux.Handle("GET /readyz", answer(c.Ready, c.Details))
	s := &Server{
		listener: l, done: make(chan struct{}),
		server: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: 5 * time.Second, // nobody holds a connection open by saying nothing
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute, // longer than scrapes are apart
			MaxHeaderBytes:    16 << 10,
		},
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // ends by Close alone
	}()
	return s, nil
}

// answer is a page of 200 "ok" or 503 with the reason.
func answer(why func() error, details func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		text := "ok"
		if err := why(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = err.Error()
		}
		fmt.Fprintln(w, text)
		if details != nil {
			fmt.Fprint(w, details())
		}
	})
}

// Address is where the server listens, "" if it is off.
func (s *Server) Address() string {
	if s == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Close stops the server: requests that are under way have a second to end.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = s.server.Close()
	}
	<-s.done
	return err
}
