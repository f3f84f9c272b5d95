package imagenet21k

import "errors"

// Config says where the images lie.
type Config struct {
	Dataset string `yaml:"dataset"` // the name samples carry
	Path    string `yaml:"path"`    // a folder or a tar in one of the forms of the package comment
	Licence string `yaml:"licence"` // goes with each sample, if known
}

// Defaults returns the settings for ImageNet-21K, but for where it is.
func Defaults() Config { return Config{Dataset: "imagenet21k"} }

// Validate tells what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Dataset == "":
		return errors.New("dataset: a source needs a name")
	case c.Path == "":
		return errors.New("path: say where the synset archives are: a folder or a tar")
	}
	return nil
}
