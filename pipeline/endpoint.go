package pipeline

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// endpoint is how a process gets to its brokers. Every connection is made by it: those of requests (transport), those of
// the consumer group and of the check at the start (dialer).
type endpoint struct {
	brokers []string // host:port
	dial    dialFunc // nil: TCP
	tls     *tls.Config
	sasl    sasl.Mechanism
}

const (
	clientID    = "imglish"
	dialTimeout = 5 * time.Second
)

// clusterEndpoint reads the certificates and the password that the graph file names.
func clusterEndpoint(cfg *Config) (endpoint, error) {
	k := cfg.Kafka
	e := endpoint{brokers: k.Brokers}
	var err error
	if k.TLS != nil {
		if e.tls, err = k.TLS.config(cfg.Dir); err != nil {
			return e, err
		}
	}
	if k.SASL != nil {
		if e.sasl, err = k.SASL.login(cfg.Dir); err != nil {
			return e, err
		}
	}
	return e, nil
}

// transport makes the connections of requests. It is not the shared default one, which may hand out dead connections
// behind a restart. It asks for the metadata of the line's topics, not for those of a whole shared cluster.
func (e endpoint) transport(topics []string) *kafka.Transport {
	dial := e.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &kafka.Transport{
		Dial: dial, TLS: e.tls, SASL: e.sasl, ClientID: clientID,
		DialTimeout: dialTimeout, IdleTimeout: 10 * time.Second,
		MetadataTTL: 2 * time.Second, MetadataTopics: topics,
	}
}

// dialer makes the connections of the consumer group.
func (e endpoint) dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: memberID(), Timeout: dialTimeout, DialFunc: e.dial, TLS: e.tls, SASLMechanism: e.sasl}
}

func (t *TLS) config(dir string) (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(inDir(dir, t.CA))
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka.tls.ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(inDir(dir, t.Cert), inDir(dir, t.Key))
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// maxPassword bounds a password file, in bytes: a larger one is the wrong file.
const maxPassword = 4096

func (s *SASL) login(dir string) (sasl.Mechanism, error) {
	password := os.Getenv(s.PasswordEnv)
	if s.PasswordEnv != "" && password == "" {
		return nil, fmt.Errorf("kafka.sasl: the environment variable %s is empty: set it to the password of %s", s.PasswordEnv, s.Username)
	}
	if s.PasswordFile != "" {
		f, err := os.Open(inDir(dir, s.PasswordFile))
		if err != nil {
			return nil, fmt.Errorf("kafka.sasl.password_file: %w", err)
		}
		defer f.Close()
		data, err := readBounded(f, maxPassword)
		if err != nil {
			return nil, fmt.Errorf("kafka.sasl.password_file %s: %w", s.PasswordFile, err)
		}
		if password = strings.TrimRight(string(data), "\r\n"); password == "" {
			return nil, fmt.Errorf("kafka.sasl.password_file: %s is empty", s.PasswordFile)
		}
	}
	switch strings.ToLower(s.Mechanism) {
	case "plain":
		return plain.Mechanism{Username: s.Username, Password: password}, nil
	case "scram-sha-256":
		return scramLogin(scram.SHA256, s.Username, password)
	default:
		return scramLogin(scram.SHA512, s.Username, password)
	}
}

func scramLogin(a scram.Algorithm, user, password string) (sasl.Mechanism, error) {
	m, err := scram.Mechanism(a, user, password)
	if err != nil {
		// The library's error may quote what it was given.
		return nil, fmt.Errorf("kafka.sasl: user name or password of %s hold characters that %s does not take", user, a.Name())
	}
	return m, nil
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// compression is the codec of a name in the graph file.
func compression(name string) (kafka.Compression, error) {
	switch name {
	case "", "none":
		return 0, nil
	case "gzip":
		return kafka.Gzip, nil
	case "snappy":
		return kafka.Snappy, nil
	case "lz4":
		return kafka.Lz4, nil
	case "zstd":
		return kafka.Zstd, nil
	}
	return 0, fmt.Errorf("kafka.compression %q: want none, lz4, snappy, zstd or gzip", name)
}
