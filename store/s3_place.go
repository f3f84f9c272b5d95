package store

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// place is what the URL of a store on S3 says: s3://bucket/prefix?endpoint=…&region=….
type place struct {
	bucket   string
	prefix   string // "" or ending in a slash
	endpoint string // "" for Amazon's
	region   string // "" to ask
	ca       string // file of PEM certificates that are trusted besides the system's
	file     string // shared credentials file
	profile  string // in it
	path     bool   // bucket in the path rather than in the host's name; meaningless unless pathSet
	pathSet  bool
	part     int64 // bytes of a part of a multipart upload
}

const (
	// defaultPart bounds memory: an upload of unknown size holds partsAtOnce of them. 10,000 parts are what S3 takes, so
	// objects may have 160 GB.
	defaultPart = 16 << 20
	minPart     = 5 << 20 // S3 refuses smaller ones, except the last
	maxPart     = 1 << 30
)

// settings of the URL's query, by name.
var placeSettings = map[string]func(p *place, v string) error{
	"endpoint":         func(p *place, v string) error { p.endpoint = v; return nil },
	"region":           func(p *place, v string) error { p.region = v; return nil },
	"ca":               func(p *place, v string) error { p.ca = v; return nil },
	"credentials_file": func(p *place, v string) error { p.file = v; return nil },
	"profile":          func(p *place, v string) error { p.profile = v; return nil },
	"path_style": func(p *place, v string) (err error) {
		p.pathSet = true
		p.path, err = strconv.ParseBool(v)
		return err
	},
	"part_mb": func(p *place, v string) error {
		n, err := strconv.ParseInt(v, 10, 32)
		if p.part = n << 20; err != nil || p.part < minPart || p.part > maxPart {
			return fmt.Errorf("want a whole number from %d to %d (MiB)", minPart>>20, maxPart>>20)
		}
		return nil
	},
}

var (
	errSecretInURL = errors.New("a key or password stands in the URL")
	errSetting     = errors.New("cannot be used")
)

// parsePlace reads such a URL. Its errors never show values of it, since one may be a secret at the wrong place.
func parsePlace(where string) (*place, error) {
	u, err := url.Parse(where)
	if err != nil {
		return nil, fmt.Errorf("want s3://bucket/prefix: %w", errScheme)
	}
	if u.User != nil {
		return nil, errSecretInURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the part behind ? is no list of settings: %w", errSetting)
	}
	p := &place{bucket: u.Host, prefix: strings.Trim(u.Path, "/"), part: defaultPart}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		set, known := placeSettings[name]
		switch {
		case secretName(name):
			return nil, errSecretInURL
		case !known:
			return nil, fmt.Errorf("unknown setting %.40q, known are %s: %w", name, strings.Join(slices.Sorted(maps.Keys(placeSettings)), ", "), errSetting)
		case len(query[name]) > 1:
			return nil, fmt.Errorf("setting %s is there twice: %w", name, errSetting)
		}
		if err := set(p, query.Get(name)); err != nil {
			return nil, fmt.Errorf("setting %s: %v: %w", name, err, errSetting)
		}
	}
	if err := s3utils.CheckValidBucketNameStrict(p.bucket); err != nil {
		return nil, fmt.Errorf("bucket %q: %v: %w", p.bucket, err, errSetting)
	}
	if p.prefix != "" {
		if err := ValidKey(p.prefix); err != nil {
			return nil, fmt.Errorf("prefix: %v: %w", err, errSetting)
		}
		p.prefix += "/"
	}
	return p, nil
}

// secretName reports whether a setting of this name would hold what must not stand there.
func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"secret", "password", "token", "access_key", "accesskey", "access-key"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "key" || name == "keys"
}

// url says where the store is and nothing about how it is reached.
func (p *place) url() string {
	return strings.TrimSuffix("s3://"+p.bucket+"/"+p.prefix, "/")
}

// fill takes from the environment what the URL does not say.
func (p *place) fill(getenv func(string) string) {
	first := func(into *string, names ...string) {
		for _, name := range names {
			if *into == "" {
				*into = getenv(name)
			}
		}
	}
	first(&p.endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	first(&p.region, "AWS_REGION", "AWS_DEFAULT_REGION")
	first(&p.ca, "AWS_CA_BUNDLE")
	if p.region == "" && p.endpoint != "" {
		p.region = "us-east-1" // what servers other than Amazon's call theirs, unless told otherwise
	}
}
