package pipeline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"
)

// reach goes the whole way to the brokers once, step by step, until one answers. kafka-go's transport goes it too, but
// its errors do not tell a broker that is away from one that refuses us: a password that is wrong, a listener that
// speaks TLS and a broker that is just ending all read "EOF", and a broker that ends in the middle of a log-in reads
// "authentication failed". What waiting cannot mend is an ErrFatal that says what to do.
func (e endpoint) reach(ctx context.Context) error {
	var away, refused error
	for _, addr := range e.brokers {
		err := e.reachOne(ctx, addr)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrFatal):
			refused = err
		case away == nil:
			away = err
		}
	}
	if refused != nil {
		return refused
	}
	return away
}

func (e endpoint) reachOne(ctx context.Context, addr string) error {
	c, err := e.connect(ctx, addr)
	if err == nil {
		defer c.Close()
		if err = negotiate(c); err == nil {
			if err = e.logIn(ctx, addr, c); err == nil {
				// A listener that wants a log-in hangs up here.
				_, err = c.RoundTrip(&metadata.Request{TopicNames: []string{}})
			}
		}
	}
	switch {
	case err == nil || errors.Is(err, ErrFatal):
		return err
	case isAlert(err):
		return refusal(fmt.Errorf("broker %s refuses our side of TLS: %w", addr, err),
			"a broker that asks for a certificate of the client's gets it by kafka.tls.cert and kafka.tls.key")
	case hungUp(err):
		if other := e.otherwise(ctx, addr); other != nil {
			return other
		}
	}
	return fmt.Errorf("broker %s: %w", addr, err)
}

// connect dials and, if so told, shakes hands. The connection has a deadline.
func (e endpoint) connect(ctx context.Context, addr string) (*protocol.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		conn.Close()
		return nil, err
	}
	if e.tls != nil {
		config := e.tls.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, tlsRefusal(addr, err)
		}
		conn = secured
	}
	return protocol.NewConn(conn, clientID), nil
}

// tlsRefusal tells a certificate that is not trusted from a connection that broke.
func tlsRefusal(addr string, err error) error {
	var host x509.HostnameError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &host):
		return refusal(fmt.Errorf("broker %s: %w", addr, err),
			"kafka.tls.server_name names the host that the brokers' certificates are for, if it is not the one that is dialled")
	case errors.As(err, &cert):
		return refusal(fmt.Errorf("broker %s: its certificate is not trusted: %w", addr, err),
			"kafka.tls.ca names a PEM file with the authority that signed the brokers' certificates")
	}
	return err
}

// negotiate agrees on the versions of requests.
func negotiate(c *protocol.Conn) error {
	r, err := c.RoundTrip(&apiversions.Request{})
	if err != nil {
		return err
	}
	res := r.(*apiversions.Response)
	if res.ErrorCode != 0 {
		return kafka.Error(res.ErrorCode)
	}
	versions := map[protocol.ApiKey]int16{}
	for _, k := range res.ApiKeys {
		key := protocol.ApiKey(k.ApiKey)
		versions[key] = key.SelectVersion(k.MinVersion, k.MaxVersion)
	}
	c.SetVersions(versions)
	return nil
}

// logIn goes through SASL, if so told.
func (e endpoint) logIn(ctx context.Context, addr string, c *protocol.Conn) error {
	if e.sasl == nil {
		return nil
	}
	r, err := c.RoundTrip(&saslhandshake.Request{Mechanism: e.sasl.Name()})
	if err != nil {
		return err
	}
	switch res := r.(*saslhandshake.Response); kafka.Error(res.ErrorCode) {
	case 0:
	case kafka.IllegalSASLState:
		return refusal(fmt.Errorf("broker %s asks for no log-in on this port", addr), "take kafka.sasl out, or name the port that asks for one")
	default:
		return refusal(fmt.Errorf("broker %s does not take %s, but %s", addr, e.sasl.Name(), strings.Join(res.Mechanisms, ", ")),
			"change kafka.sasl.mechanism")
	}
	host, port, _ := net.SplitHostPort(addr)
	meta := &sasl.Metadata{Host: host}
	_, _ = fmt.Sscan(port, &meta.Port)
	session, say, err := e.sasl.Start(sasl.WithMetadata(ctx, meta))
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	for done := false; !done; {
		r, err := c.RoundTrip(&saslauthenticate.Request{AuthBytes: say})
		if err != nil {
			return err
		}
		res := r.(*saslauthenticate.Response)
		if res.ErrorCode != 0 {
			return refusal(fmt.Errorf("broker %s refuses the log-in: %s", addr, res.ErrorMessage),
				"is kafka.sasl.username right, and the password in the variable or file that kafka.sasl names?")
		}
		if done, say, err = session.Next(ctx, res.AuthBytes); err != nil {
			return refusal(fmt.Errorf("log in to broker %s: its answer does not prove that it knows the password: %w", addr, err),
				"is this the right cluster?")
		}
	}
	return nil
}

// otherwise looks what a listener that hung up would rather have heard: TLS, plain text, or a log-in.
func (e endpoint) otherwise(ctx context.Context, addr string) error {
	if e.tls == nil {
		// Nothing is said over this connection, so its certificate need not be trusted.
		look := endpoint{tls: &tls.Config{InsecureSkipVerify: true}}
		if c, err := look.connect(ctx, addr); err == nil {
			c.Close()
			return refusal(fmt.Errorf("broker %s speaks TLS on this port", addr), "add kafka.tls, with the authority's certificate as ca, or name the plain port")
		}
	} else {
		look := endpoint{}
		if c, err := look.connect(ctx, addr); err == nil {
			defer c.Close()
			if negotiate(c) == nil {
				return refusal(fmt.Errorf("broker %s speaks plain text on this port, not TLS", addr), "name the port that speaks TLS, or take kafka.tls out")
			}
		}
	}
	if e.sasl != nil {
		return nil
	}
	c, err := e.connect(ctx, addr)
	if err != nil {
		return nil
	}
	defer c.Close()
	if negotiate(c) != nil {
		return nil
	}
	r, err := c.RoundTrip(&saslhandshake.Request{Mechanism: "none"})
	if err != nil {
		return nil
	}
	if res := r.(*saslhandshake.Response); kafka.Error(res.ErrorCode) == kafka.UnsupportedSASLMechanism {
		return refusal(fmt.Errorf("broker %s wants a log-in on this port, by %s", addr, strings.Join(res.Mechanisms, ", ")),
			"add kafka.sasl with mechanism, username, and password_env or password_file")
	}
	return nil
}

// hungUp says whether the other side ended the connection, or said what is not Kafka's protocol.
func hungUp(err error) bool {
	var record tls.RecordHeaderError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.As(err, &record)
}

// isAlert says whether the other side ended TLS with a reason, such as a certificate that it misses.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
