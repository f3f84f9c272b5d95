package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxModelBytes bounds a model file that is looked through; protobuf itself ends at 2 GiB. Weights beside it have no bound.
const maxModelBytes = 2 << 30

// fingerprint is the SHA-256 of a model: of its file, and behind it of the files of weights that it names, in the order
// of their names. Exporters put large weights into such files, so that the first file alone says little.
func fingerprint(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	model, err := io.ReadAll(io.LimitReader(f, maxModelBytes+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if len(model) > maxModelBytes {
		return "", fmt.Errorf("%s has more than %d bytes", path, maxModelBytes)
	}
	files, err := externalFiles(model)
	if err != nil {
		return "", fmt.Errorf("%s is no ONNX model: %w", path, err)
	}
	h := sha256.New()
	h.Write(model)
	for _, name := range files {
		if !filepath.IsLocal(name) {
			return "", fmt.Errorf("%s: its weights are to lie in %q, outside of its folder", path, name)
		}
		if err := hashFile(h, filepath.Join(filepath.Dir(path), name)); err != nil {
			return "", fmt.Errorf("weights of %s: %w", path, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(h hash.Hash, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

// Field numbers of onnx.proto3 (github.com/onnx/onnx).
const (
	modelGraph       = 7
	graphNode        = 1
	graphInitializer = 5
	nodeAttribute    = 5
	attributeTensor  = 5
	attributeGraph   = 6
	tensorExternal   = 13 // repeated StringStringEntryProto: the place of weights outside of the model file
	entryKey         = 1
	entryValue       = 2
)

// externalFiles names the files of weights of a model, sorted, each once.
func externalFiles(model []byte) ([]string, error) {
	var files []string
	var graph func(b []byte) error
	tensor := func(b []byte) error {
		return messages(b, func(field protowire.Number, entry []byte) error {
			if field != tensorExternal {
				return nil
			}
			var key, value string
			err := messages(entry, func(field protowire.Number, text []byte) error {
				switch field {
				case entryKey:
					key = string(text)
				case entryValue:
					value = string(text)
				}
				return nil
			})
			if key == "location" && value != "" {
				files = append(files, value)
			}
			return err
		})
	}
	attribute := func(b []byte) error {
		return messages(b, func(field protowire.Number, v []byte) error {
			switch field {
			case attributeTensor:
				return tensor(v)
			case attributeGraph:
				return graph(v)
			}
			return nil
		})
	}
	depth := 0
	graph = func(b []byte) error {
		if depth++; depth > 64 {
			return errors.New("graphs within graphs without end")
		}
		defer func() { depth-- }()
		return messages(b, func(field protowire.Number, v []byte) error {
			switch field {
			case graphInitializer:
				return tensor(v)
			case graphNode:
				return messages(v, func(field protowire.Number, a []byte) error {
					if field == nodeAttribute {
						return attribute(a)
					}
					return nil
				})
			}
			return nil
		})
	}
	graphs := 0
	err := messages(model, func(field protowire.Number, v []byte) error {
		if field == modelGraph {
			graphs++
			return graph(v)
		}
		return nil
	})
	if err == nil && graphs == 0 {
		err = errors.New("it holds no graph")
	}
	slices.Sort(files)
	return slices.Compact(files), err
}

// messages calls f for each length-delimited field of a message.
func messages(b []byte, f func(field protowire.Number, v []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if kind == protowire.BytesType {
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return protowire.ParseError(n)
			}
			if err := f(field, v); err != nil {
				return err
			}
			b = b[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}
