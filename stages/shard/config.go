package shard

import (
	"fmt"

	"github.com/imglish/imglish/store/shards"
)

// Config are the settings of the sink.
type Config struct {
	// Range is how many seq a commit covers, unless a source file ends before. 1,024: at one view of 30 kB a file
	// of 30 MB, which a store moves in one piece, and 12,000 commits for the 12 million rows of CC12M.
	Range int `yaml:"range"`
	// RowGroup is how many rows a Parquet row group has. 256: see store/shards.
	RowGroup int `yaml:"row_group"`
	// Scratch is the folder for ranges that are not closed yet, empty for the system's. One open range a lane lies
	// there, without a name, so nothing stays behind a crash.
	Scratch string `yaml:"scratch"`
}

// Defaults returns the settings that hold unless said otherwise.
func Defaults() Config { return Config{Range: 1024, RowGroup: shards.DefaultRowGroup} }

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Range < 1 || c.Range > 1<<20 {
		return fmt.Errorf("range is %d, want 1 to %d", c.Range, 1<<20)
	}
	if c.RowGroup < 1 || c.RowGroup > 1<<16 {
		return fmt.Errorf("row_group is %d, want 1 to %d", c.RowGroup, 1<<16)
	}
	return nil
}
