package vqkd

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/imglish/imglish/tensor/checkpoint"
)

// released are the published files, by the first 8 digits of their SHA-256.
var released = map[string]string{
	"d5036aa7": "vqkd_encoder_base_decoder_3x768x12_clip",
	"d93179da": "vqkd_encoder_base_decoder_1x768x12_clip",
	"663c55d7": "vqkd_encoder_base_decoder_1x768x12_dino",
}

// hashInName finds what PyTorch's hub puts into the name of a file: a dash and the first digits of its SHA-256.
var hashInName = regexp.MustCompile(`-([0-9a-f]{8,64})\.[^.]+$`)

// NameHash is the hash that a file's name carries, "" if it carries none. Eight digits without a letter are a date
// sooner than a hash. Load refuses a file that has another one.
func NameHash(path string) string {
	found := hashInName.FindStringSubmatch(filepath.Base(path))
	if found == nil || !strings.ContainsAny(found[1], "abcdef") {
		return ""
	}
	return found[1]
}

// checkName compares the hash that a file's name carries, if any, with the file's own.
func checkName(f *checkpoint.File) error {
	path := f.Path()
	sum, err := f.SHA256()
	if err != nil {
		return err
	}
	says, is := NameHash(path), hex.EncodeToString(sum[:])
	if strings.HasPrefix(is, says) {
		return nil
	}
	return hinted{fmt.Errorf("%s: its name says that its SHA-256 begins with %s, but it is %s", path, says, is),
		"the file is not the one that it is named after, or was damaged on its way: fetch it again; if it is meant to be another, give it a name without a hash"}
}
