package main

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// proxy stands between the workers and the broker and cuts their connections in ways that a network may.
type proxy struct {
	listener net.Listener
	to       string // host:port of the broker

	mu    sync.Mutex
	links map[*link]bool
	all   sync.WaitGroup
	ended bool
}

// link is one connection through the proxy.
type link struct {
	client, broker net.Conn

	mu   sync.Mutex
	mute bool   // answers are thrown away
	hold bool   // requests are kept back
	held []byte // what is kept back
}

func newProxy() (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return &proxy{listener: l, links: map[*link]bool{}}, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// serve forwards to the broker until the proxy is closed.
func (p *proxy) serve(to string) {
	p.to = to
	p.all.Go(func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.forward(client) })
		}
	})
}

func (p *proxy) forward(client net.Conn) {
	defer client.Close()
	broker, err := net.DialTimeout("tcp", p.to, 5*time.Second)
	if err != nil {
		return // the broker is away; so is the connection
	}
	l := &link{client: client, broker: broker}
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		broker.Close()
		return
	}
	p.links[l] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.requests() })
	both.Go(func() { l.answers() })
	both.Wait()
	broker.Close()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// requests copies from the client to the broker. When the client's side is cut while requests are held, the broker's side
// stays open: late sends them and closes it.
func (l *link) requests() {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		l.mu.Lock()
		if n > 0 {
			if l.hold {
				l.held = append(l.held, buf[:n]...)
			} else if _, e := l.broker.Write(buf[:n]); e != nil {
				err = e
			}
		}
		hold := l.hold
		l.mu.Unlock()
		if err != nil {
			if !hold {
				l.broker.Close()
			}
			return
		}
	}
}

func (l *link) answers() {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.broker.Read(buf)
		l.mu.Lock()
		mute := l.mute
		l.mu.Unlock()
		if n > 0 && !mute {
			if _, e := l.client.Write(buf[:n]); e != nil && err == nil && !l.holding() {
				err = e
			}
		}
		if err != nil {
			l.client.Close()
			return
		}
	}
}

func (l *link) holding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hold
}

// every returns all connections.
func (p *proxy) every() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*link
	for l := range p.links {
		out = append(out, l)
	}
	return out
}

// cut closes connections at once.
func (p *proxy) cut(links []*link) {
	for _, l := range links {
		l.client.Close()
		l.broker.Close()
	}
}

// loseAnswers lets requests through and throws their answers away for a while, and then closes the connections: what was
// written is in the log, and its writer sees an error.
func (p *proxy) loseAnswers(links []*link, d time.Duration) {
	mute(links)
	time.Sleep(d)
	p.cut(links)
}

func mute(links []*link) {
	for _, l := range links {
		l.mu.Lock()
		l.mute = true
		l.mu.Unlock()
	}
}

// late keeps requests back for a while and closes the clients' side. The broker gets them after another while, when
// their senders have long resumed.
func (p *proxy) late(links []*link, keep, after time.Duration) {
	hold(links)
	time.Sleep(keep)
	hangUp(links)
	time.Sleep(after)
	deliver(links)
	time.Sleep(500 * time.Millisecond) // a broker drops requests of a connection that is closed
	p.cut(links)
}

func hold(links []*link) {
	for _, l := range links {
		l.mu.Lock()
		l.hold, l.mute = true, true
		l.mu.Unlock()
	}
}

func hangUp(links []*link) {
	for _, l := range links {
		l.client.Close()
	}
}

func deliver(links []*link) {
	for _, l := range links {
		l.mu.Lock()
		_, _ = l.broker.Write(l.held)
		l.mu.Unlock()
	}
}

func (p *proxy) close() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.listener.Close()
	p.cut(p.every())
	p.all.Wait()
}
