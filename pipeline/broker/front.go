package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// A connection's requests are answered one after the other, as Kafka does. Those about records are answered here; the
// others go to kfake as they came, through a pipe of the connection's own, and so do its answers come back.

const (
	keyProduce, keyFetch, keyListOffsets = 0, 1, 2

	// maxFrame bounds a request: many batches may come in one.
	maxFrame = 64 << 20
	// minKept is the size from which memory for requests and answers is used again.
	minKept = 64 << 10
)

// buffers holds memory of requests and answers, so that none is made and cleared for each.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// track counts a connection in, unless the broker is closing.
func (b *Broker) track(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.conns[c] = struct{}{}
	}
	return !b.closed
}

func (b *Broker) untrack(c net.Conn) {
	c.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
}

func (b *Broker) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		if !b.track(c) {
			c.Close()
			return
		}
		b.served.Go(func() {
			defer b.untrack(c)
			_ = b.serve(c) // the client sees its connection close
		})
	}
}

// serve answers a connection's requests until it ends or sends what is none.
func (b *Broker) serve(c net.Conn) error {
	in := bufio.NewReader(c)
	var control net.Conn
	for {
		var head [12]byte // size, key, version, number
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(head[:])
		if size < 8 || size > maxFrame {
			return fmt.Errorf("a request of %d bytes", size)
		}
		memory := buffers.Get().(*[]byte)
		frame := sized(memory, int(size)+4)
		copy(frame, head[:])
		if _, err := io.ReadFull(in, frame[12:]); err != nil {
			return err
		}
		var err error
		switch key := int16(binary.BigEndian.Uint16(head[4:])); key {
		case keyProduce, keyFetch, keyListOffsets:
			err = b.answer(c, key, frame)
		default:
			if control == nil {
				if control, err = b.back.dial(); err != nil {
					return err
				}
				if !b.track(control) {
					return control.Close()
				}
				defer b.untrack(control)
			}
			if err = pass(c, control, frame); err == nil && changesTopics[key] {
				b.reload()
			}
		}
		if cap(*memory) >= minKept {
			buffers.Put(memory)
		}
		if err != nil {
			return err
		}
	}
}

// sized makes room for n bytes with any content.
func sized(memory *[]byte, n int) []byte {
	if cap(*memory) < n {
		*memory = make([]byte, n)
	}
	*memory = (*memory)[:n]
	return *memory
}

// pass hands a request on and its answer back.
func pass(client, control net.Conn, frame []byte) error {
	if _, err := control.Write(frame); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(control, size[:]); err != nil {
		return err
	}
	answer := make([]byte, 4+binary.BigEndian.Uint32(size[:]))
	copy(answer, size[:])
	if _, err := io.ReadFull(control, answer[4:]); err != nil {
		return err
	}
	_, err := client.Write(answer)
	return err
}

// backListener hands pipes to kfake in the place of connections, and tells it the address that clients know.
type backListener struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newBackListener() *backListener {
	return &backListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *backListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *backListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *backListener) Addr() net.Addr { return l.addr }

// dial is the other end.
func (l *backListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.done:
		return nil, errors.Join(net.ErrClosed, here.Close(), there.Close())
	}
}
