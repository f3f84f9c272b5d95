package main

import (
	"errors"
	"io"
	"net"
	"os"
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

// hangs is when what should come is given up.
const hangs = 2 * time.Minute

func (e *echo) has(want string) bool {
	for end := time.Now().Add(hangs); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		got := string(e.got)
		e.mu.Unlock()
		if got == want {
			return true
		}
	}
	return false
}

// through opens a connection through a proxy over which something has come and gone, and its link.
func through(t *testing.T, e *echo) (client net.Conn, links []*link) {
	t.Helper()
	p, err := newProxy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.serve(e.l.Addr().String())
	c, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(hangs))
	say(t, c, "hello")
	buf := make([]byte, 5)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
		t.Fatalf("through the proxy came %q, %v", buf, err)
	}
	return c, p.every()
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// silent wants that nothing came back before the connection ended.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	buf := make([]byte, 5)
	if n, err := c.Read(buf); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an answer came through, or no end: %q, %v", buf[:n], err)
	}
}

func TestProxyLosesAnswers(t *testing.T) {
	e := newEcho(t)
	c, links := through(t, e)
	mute(links)
	say(t, c, "again")
	if !e.has("helloagain") {
		t.Errorf("the server got %q", e.got)
	}
	(&proxy{}).cut(links)
	silent(t, c)
}

func TestProxyHoldsRequestsBack(t *testing.T) {
	e := newEcho(t)
	c, links := through(t, e)
	hold(links)
	say(t, c, "again")
	for end := time.Now().Add(hangs); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		links[0].mu.Lock()
		held := string(links[0].held)
		links[0].mu.Unlock()
		if held == "again" {
			break
		}
	}
	hangUp(links)
	silent(t, c)
	if !e.has("hello") {
		t.Errorf("the server got %q before its time", e.got)
	}
	deliver(links)
	if !e.has("helloagain") {
		t.Errorf("the server got %q", e.got)
	}
}
