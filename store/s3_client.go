package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// How long a connection may stand still. A server that is alive sends or takes something within this time.
const (
	dialTimeout  = 10 * time.Second
	stallTimeout = 60 * time.Second
)

// client makes the connection pool and the API on it. Nothing is sent yet.
func (p *place) client(getenv func(string) string, stall time.Duration) (*minio.Core, error) {
	endpoint := p.endpoint
	if endpoint == "" {
		endpoint = "https://s3.amazonaws.com"
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("endpoint %.200q: want https://host or https://host:port: %w", redact(endpoint), errSetting)
	}
	transport, err := p.transport(getenv, stall)
	if err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupAuto // in the host's name at Amazon, in the path elsewhere
	if p.pathSet && p.path {
		lookup = minio.BucketLookupPath
	} else if p.pathSet {
		lookup = minio.BucketLookupDNS
	}
	api, err := minio.NewCore(u.Host, &minio.Options{
		Creds: p.credentials(getenv), Secure: u.Scheme == "https", Region: p.region, Transport: transport, BucketLookup: lookup,
		MaxRetries: 1, // attempts: retrying is retry.go's business, which knows what an attempt may have done
	})
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %v: %w", u.Host, err, errSetting)
	}
	return api, nil
}

// credentials are looked for in the order that Amazon's tools have: keys of the environment, the shared file, and last,
// if there is nothing else, the role of the machine. Without an environment only a file that the URL names counts.
func (p *place) credentials(getenv func(string) string) *credentials.Credentials {
	if p.file != "" || p.profile != "" {
		return credentials.New(&credentials.FileAWSCredentials{Filename: p.file, Profile: p.profile})
	}
	if getenv == nil {
		return credentials.New(&credentials.Chain{})
	}
	if id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"); id != "" && secret != "" {
		return credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN"))
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.FileAWSCredentials{},
		// Off Amazon's machines nobody answers; do not wait for long.
		&credentials.IAM{Client: &http.Client{Timeout: 2 * time.Second}},
	})
}

// transport is a pool of HTTP/1.1 connections, each of which fails when it stands still.
func (p *place) transport(getenv func(string) string, stall time.Duration) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: min(dialTimeout, stall), KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:         stalling{dialer.DialContext, stall}.dial,
		TLSHandshakeTimeout: min(dialTimeout, stall),
		IdleConnTimeout:     stall / 2,
		// As many as work at once: with the default of 2, the others would dial anew for each request.
		MaxIdleConns: 256, MaxIdleConnsPerHost: 256,
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
		DisableCompression: true, // the bytes of an object are those that were put
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if getenv != nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	if p.ca == "" {
		return t, nil
	}
	pem, err := os.ReadFile(p.ca)
	if err != nil {
		return nil, fmt.Errorf("certificates of the authority: %w", errors.Join(err, errSetting))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificates of the authority: %s holds no PEM certificate: %w", p.ca, errSetting)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}
