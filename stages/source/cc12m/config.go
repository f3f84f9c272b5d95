package cc12m

import "errors"

// Config says which lists to read.
type Config struct {
	Dataset string   `yaml:"dataset"` // the name samples carry
	List    string   `yaml:"list"`    // a TSV file, or a pattern such as lists/*.tsv
	Lists   []string `yaml:"lists"`   // several; later ones must be put behind, never between
	Licence string   `yaml:"licence"` // goes with each sample, if known for all of them
	MaxRow  int      `yaml:"max_row"` // bytes; a longer line is skipped
}

// lists are the paths and patterns of the lists.
func (c Config) lists() []string {
	if c.List != "" {
		return []string{c.List}
	}
	return c.Lists
}

// Defaults returns the settings for the published list, but for where it is.
func Defaults() Config {
	return Config{
		Dataset: "cc12m",
		MaxRow:  64 << 10, // URLs end at 8 KiB in fetch and the longest published captions at a few KiB
	}
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Dataset == "":
		return errors.New("dataset: a source needs a name")
	case c.List == "" && len(c.Lists) == 0:
		return errors.New("list: say which TSV file to read (list: or lists:)")
	case c.List != "" && len(c.Lists) > 0:
		return errors.New("list: give either list or lists")
	case c.MaxRow < 16 || c.MaxRow > 64<<20:
		return errors.New("max_row: must lie between 16 bytes and 64 MiB")
	}
	return nil
}
