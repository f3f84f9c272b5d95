package fetch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config limits what is fetched, from whom, and how.
type Config struct {
	MaxBytes      int64         `yaml:"max_bytes"`      // of one image
	Timeout       time.Duration `yaml:"timeout"`        // of one sample's transfers, redirects included, without waiting for a turn
	HeaderTimeout time.Duration `yaml:"header_timeout"` // until the head of an answer is there
	MaxRedirects  int           `yaml:"max_redirects"`
	Transfers     int           `yaml:"transfers"`     // at once in this process, over all batches
	PerHost       int           `yaml:"per_host"`      // of them to one host
	UserAgent     string        `yaml:"user_agent"`    // names the program to the sites
	Contact       string        `yaml:"contact"`       // a page or mail address of who runs it, added to the user agent
	OptOut        string        `yaml:"opt_out"`       // "skip" images whose headers say no to training, or "ignore" them
	OptOutWords   []string      `yaml:"opt_out_words"` // of X-Robots-Tag
	AllowPrivate  []string      `yaml:"allow_private"` // networks to reach all the same, such as 127.0.0.1/32:8080
}

// Defaults returns settings that are polite and safe.
func Defaults() Config {
	return Config{
		MaxBytes:      20 << 20,         // a 100 megapixel photo; beyond lie scans and bombs
		Timeout:       30 * time.Second, // the deadline of a sample in the line
		HeaderTimeout: 10 * time.Second, // a server that is there answers within seconds
		MaxRedirects:  5,                // real ones need two: to https, to a content network
		Transfers:     64,               // at 200 ms an image about 300 images a second, with few sockets
		PerHost:       8,                // what browsers are allowed; more looks like an attack
		UserAgent:     "imglish/1.0 (+https://github.com/imglish/imglish)",
		OptOut:        "skip",
		OptOutWords:   []string{"noai", "noimageai", "noindex", "noimageindex", "none"},
	}
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	for _, v := range []struct {
		ok  bool
		say string
	}{
		{c.MaxBytes > 0 && c.MaxBytes <= 1<<30, "max_bytes: must lie between 1 byte and 1 GiB, since an image is held in memory"},
		{c.Timeout > 0, "timeout: must be above zero"},
		{c.HeaderTimeout > 0, "header_timeout: must be above zero"},
		{c.MaxRedirects >= 0 && c.MaxRedirects <= 20, "max_redirects: must lie between 0 and 20"},
		{c.Transfers > 0, "transfers: must be above zero"},
		{c.PerHost > 0, "per_host: must be above zero"},
		{c.UserAgent != "", "user_agent: sites need to know who asks"},
		{!strings.ContainsAny(c.UserAgent+c.Contact, "\r\n\x00"), "user_agent, contact: must be one line"},
		{c.OptOut == "skip" || c.OptOut == "ignore", `opt_out: must be "skip" or "ignore"`},
	} {
		if !v.ok {
			return errors.New(v.say)
		}
	}
	for _, s := range c.AllowPrivate {
		if _, err := parseAllowed(s); err != nil {
			return fmt.Errorf("allow_private: %w", err)
		}
	}
	return nil
}
