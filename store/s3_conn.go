package store

import (
	"context"
	"net"
	"time"
)

// stalling dials connections that fail when nothing can be read or written for a while. A limit on the whole transfer
// would be too short for a slow line or too long for a dead one.
type stalling struct {
	dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	after  time.Duration
}

func (s stalling) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := s.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &stallingConn{c, s.after}, nil
}

type stallingConn struct {
	net.Conn
	after time.Duration
}

func (c *stallingConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.after)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.after)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
