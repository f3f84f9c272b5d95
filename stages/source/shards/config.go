package shards

import "errors"

// Config says which data set to read.
type Config struct {
	Data string `yaml:"data"` // a data folder, or s3://bucket/prefix
	Join bool   `yaml:"join"` // put the parts of a text together before they are cut again; see the package comment
}

// Defaults returns the settings, but for where the data set is.
func Defaults() Config { return Config{} }

// Validate tells what cannot work.
func (c Config) Validate() error {
	if c.Data == "" {
		return errors.New("data: say which data set's shards to read: a data folder, or s3://bucket/prefix")
	}
	return nil
}
