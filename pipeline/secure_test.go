package pipeline

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	PEM  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.PEM = pemText("CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// sign makes a certificate for 127.0.0.1, with its key in PKCS 8.
func (a *authority) sign(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der), pemText("PRIVATE KEY", pkcs8)
}

const testPassword = "correct-horse-7391"

// secureCluster has a listener of each kind. alice may do everything, bob nothing.
func secureCluster(t *testing.T, a *authority) *kafkatest.Cluster {
	cert, key := a.sign(t, "broker")
	p := map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": cert, "ssl.keystore.key": key,
		"ssl.truststore.type": "PEM", "ssl.truststore.certificates": a.PEM,
		"listener.name.mutual.ssl.client.auth": "required",
		"authorizer.class.name":                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                          "User:ANONYMOUS;User:alice;User:CN=client",
	}
	for _, l := range []string{"login", "both"} {
		p["listener.name."+l+".sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
		p["listener.name."+l+".plain.sasl.jaas.config"] = fmt.Sprintf(
			`org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="%s" user_bob="%s";`, testPassword, testPassword)
		for _, m := range []string{"256", "512"} {
			p["listener.name."+l+".scram-sha-"+m+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		}
	}
	return kafkatest.Start(t, kafkatest.Options{
		Properties: p,
		Listeners:  map[string]string{"TLS": "SSL", "MUTUAL": "SSL", "LOGIN": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"},
		FormatArgs: []string{
			"--add-scram", "SCRAM-SHA-256=[name=alice,password=" + testPassword + "]",
			"--add-scram", "SCRAM-SHA-512=[name=alice,password=" + testPassword + "]",
		},
	})
}

// TestSecureCluster runs a line over each kind of listener, and shows what each wrong setting gets: one error, not a line
// that waits for ever, which says what to do and holds no secret.
func TestSecureCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	ours, other := newAuthority(t), newAuthority(t)
	c := secureCluster(t, ours)
	dir := t.TempDir()
	file := func(name, content string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	cert, key := ours.sign(t, "client")
	ca, wrongCA := file("ca.pem", ours.PEM), file("other.pem", other.PEM)
	file("cert.pem", cert)
	file("key.pem", key)
	file("password", testPassword+"\n")
	t.Setenv("TEST_PASSWORD", testPassword)
	t.Setenv("TEST_WRONG", "wrong-"+testPassword)
	login := func(mechanism, user, env string) *SASL {
		return &SASL{Mechanism: mechanism, Username: user, PasswordEnv: env}
	}
	for _, tt := range []struct {
		name     string
		listener string
		tls      *TLS
		sasl     *SASL
		want     string // in the error; "": the line runs
	}{
		{"tls", "TLS", &TLS{CA: ca}, nil, ""},
		{"tls on both sides", "MUTUAL", &TLS{CA: ca, Cert: "cert.pem", Key: "key.pem"}, nil, ""},
		{"plain", "LOGIN", nil, login("plain", "alice", "TEST_PASSWORD"), ""},
		{"scram 256 and tls", "BOTH", &TLS{CA: ca}, login("scram-sha-256", "alice", "TEST_PASSWORD"), ""},
		{"scram 512 and tls, a file", "BOTH", &TLS{CA: ca, ServerName: "127.0.0.1"},
			&SASL{Mechanism: "SCRAM-SHA-512", Username: "alice", PasswordFile: "password"}, ""},

		{"another authority", "TLS", &TLS{CA: wrongCA}, nil, "certificate is not trusted"},
		{"the system's authorities", "TLS", &TLS{}, nil, "certificate is not trusted"},
		{"another name", "TLS", &TLS{CA: ca, ServerName: "elsewhere.example"}, nil, "elsewhere.example"},
		{"no certificate", "MUTUAL", &TLS{CA: ca}, nil, "refuses our side of TLS"},
		{"plain text to tls", "TLS", nil, nil, "speaks TLS"},
		{"tls to plain text", "PLAINTEXT", &TLS{CA: ca}, nil, "speaks plain text"},
		{"tls to a plain log-in", "LOGIN", &TLS{CA: ca}, login("plain", "alice", "TEST_PASSWORD"), "speaks plain text"},
		{"no log-in", "LOGIN", nil, nil, "wants a log-in"},
		{"no log-in over tls", "BOTH", &TLS{CA: ca}, nil, "wants a log-in"},
		{"a log-in too much", "PLAINTEXT", nil, login("plain", "alice", "TEST_PASSWORD"), "asks for no log-in"},
		{"plain, wrong password", "LOGIN", nil, login("plain", "alice", "TEST_WRONG"), "refuses the log-in"},
		{"scram 256, wrong password", "BOTH", &TLS{CA: ca}, login("scram-sha-256", "alice", "TEST_WRONG"), "refuses the log-in"},
		{"scram 512, unknown user", "BOTH", &TLS{CA: ca}, login("scram-sha-512", "carol", "TEST_PASSWORD"), "refuses the log-in"},
		{"no rights", "LOGIN", nil, login("plain", "bob", "TEST_PASSWORD"), "may not create them"},
		{"no password", "LOGIN", nil, login("plain", "alice", "TEST_UNSET"), "TEST_UNSET is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := &numbers{name: "one", rows: []int{300}}
			sink := newMemorySink("")
			b := testBuilders(sink, one)
			cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
			cfg.Line, cfg.Dir = fmt.Sprintf("secure-%d", time.Now().UnixNano()), dir
			cfg.Kafka.Brokers, cfg.Kafka.Replication = c.AddrsOf(tt.listener), 1
			cfg.Kafka.TLS, cfg.Kafka.SASL, cfg.Kafka.Prefix = tt.tls, tt.sasl, "team-a."
			var said bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			err := Run(ctx, cfg, b, Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
			if tt.want == "" {
				if err != nil {
					t.Fatalf("%v\n%s", err, said.String())
				}
				compareContent(t, sink.content(t, 2), wanted(2, one))
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Run = %v, want an error with %q\n%s", err, tt.want, said.String())
			}
			var hinted interface{ Hint() string }
			if !strings.Contains(tt.want, "is empty") && (!errors.As(err, &hinted) || hinted.Hint() == "") {
				t.Errorf("%v: no hint", err)
			} else if hinted != nil {
				t.Logf("%v\nhint: %s", err, hinted.Hint())
			}
			if all := err.Error() + said.String() + fmt.Sprintf("%+v %#v", cfg.Kafka.SASL, cfg.Kafka); strings.Contains(all, testPassword) {
				t.Errorf("the password is in %q", all)
			}
		})
	}
}
