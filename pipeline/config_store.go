package pipeline

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Store says where blobs, shards and commits are. package store opens it. What S3 needs may stand in the URL's query
// (s3://bucket/prefix?endpoint=…&region=…) or in keys of its own.
type Store struct {
	URL             string `yaml:"url"`              // a folder or s3://bucket/prefix; empty: the data folder
	Endpoint        string `yaml:"endpoint"`         // https://host:port of an S3 server that is not Amazon's
	Region          string `yaml:"region"`           // of the bucket
	CA              string `yaml:"ca"`               // PEM file of the authority that signed the server's certificate
	CredentialsFile string `yaml:"credentials_file"` // in the format of Amazon's shared credentials file
	Profile         string `yaml:"profile"`          // in it

	// Blobs is how long `imglish gc` keeps the blobs of committed samples; 0 for ever.
	Blobs time.Duration `yaml:"blobs"`

	AccessKey secret `yaml:"access_key"` // refused; here so that the error says what to do instead
	SecretKey secret `yaml:"secret_key"` // the same
}

const doStoreKeys = "keys do not belong into the graph file: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file (store.credentials_file)"

// checkStore says what is wrong with the section store, in a text for its place in the file, or "". It shows nothing of
// the URL, in which a key might stand.
func (c *Config) checkStore() string {
	s := c.Store
	if s.AccessKey != "" || s.SecretKey != "" {
		return "store: " + doStoreKeys
	}
	onS3 := strings.HasPrefix(s.URL, "s3://")
	if onS3 {
		u, err := url.Parse(s.URL)
		if err != nil {
			return "store.url: want s3://bucket/prefix"
		}
		if u.User != nil {
			return "store.url: " + doStoreKeys
		}
		for name := range u.Query() {
			name = strings.ToLower(name)
			if strings.Contains(name, "secret") || strings.Contains(name, "token") || strings.Contains(name, "access_key") || strings.Contains(name, "password") {
				return "store.url: " + doStoreKeys
			}
		}
	}
	switch {
	case !onS3 && (s.Endpoint != "" || s.Region != "" || s.CA != "" || s.CredentialsFile != "" || s.Profile != ""):
		return "store: endpoint, region, ca, credentials_file and profile are for S3: give its url, s3://bucket/prefix"
	case s.Blobs < 0:
		return fmt.Sprintf("store.blobs: %s, want a time such as 720h, or 0 to keep them for ever", s.Blobs)
	}
	return ""
}

// StoreURL is where the store is, in one string: the one named, with what the section says besides, or the data folder.
func (c *Config) StoreURL() string {
	s := c.Store
	if s.URL == "" {
		return c.Data
	}
	if !strings.Contains(s.URL, "://") {
		return inDir(c.Dir, s.URL)
	}
	if !strings.HasPrefix(s.URL, "s3://") {
		return s.URL
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return s.URL // refused when the file was checked
	}
	q := u.Query()
	for name, value := range map[string]string{"endpoint": s.Endpoint, "region": s.Region, "profile": s.Profile} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, path := range map[string]string{"ca": s.CA, "credentials_file": s.CredentialsFile} {
		if path != "" {
			q.Set(name, inDir(c.Dir, path))
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
