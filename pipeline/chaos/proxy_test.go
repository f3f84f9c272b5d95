package main

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// echo is a server that keeps what it gets and answers it.
type echo struct {
	l   net.Listener
	mu  sync.Mutex
	got []byte
}

func newEcho(t *testing.T) *echo {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{l: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 100)
				for {
					n, err := c.Read(buf)
					e.mu.Lock()
					e.got = append(e.got, buf[:n]...)
					e.mu.Unlock()
					if _, e := c.Write(buf[:n]); err != nil || e != nil {
						return
					}
				}
			}()
		}
	}()
	return e
}

func (e *echo) has(want string) bool {
	for range 500 {
		e.mu.Lock()
		got := string(e.got)
		e.mu.Unlock()
		if got == want {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestProxy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(*proxy)
	}{
		{"lost answers", func(p *proxy) { p.loseAnswers(p.every(), 300*time.Millisecond) }},
		{"late requests", func(p *proxy) { p.late(p.every(), 300*time.Millisecond, 100*time.Millisecond) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEcho(t)
			p, err := newProxy()
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			p.serve(e.l.Addr().String())
			c, err := net.Dial("tcp", p.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			buf := make([]byte, 5)
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
				t.Fatalf("through the proxy came %q, %v", buf, err)
			}
			done := make(chan struct{})
			go func() { defer close(done); tt.fault(p) }()
			for broken := false; !broken; time.Sleep(time.Millisecond) { // until the fault has begun
				for _, l := range p.every() {
					l.mu.Lock()
					broken = l.mute
					l.mu.Unlock()
				}
			}
			if _, err := c.Write([]byte("again")); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(buf); err == nil {
				t.Errorf("an answer came through: %q", buf[:n])
			}
			<-done
			if !e.has("helloagain") {
				t.Errorf("the server got %q", e.got)
			}
		})
	}
}
