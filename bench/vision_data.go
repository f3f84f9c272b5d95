package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/vqkd/formula"
)

// visionData is what all contestants are given.
type visionData struct {
	dir      string
	weights  string // safetensors: the published model's size, with the weights of package vqkd/formula
	onnx     string // the same, exported
	pictures string // raw uint8 [32, 224, 224, 3]: crops of the demonstration's photos
}

// visionPictures is a multiple of every batch size.
const visionPictures = 32

// prepareVision makes and installs what is missing.
func prepareVision(ctx context.Context, dir string) (visionData, error) {
	d := visionData{
		dir: dir, weights: filepath.Join(dir, "base.safetensors"), onnx: filepath.Join(dir, "base.onnx"), pictures: filepath.Join(dir, "pictures.u8"),
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return d, err
	}
	if _, err := os.Stat(d.weights); errors.Is(err, fs.ErrNotExist) {
		if err := formula.WriteBase(d.weights); err != nil {
			return d, err
		}
	}
	if err := visionScript(ctx, "build/demo-data.sh"); err != nil {
		return d, err
	}
	if _, err := os.Stat(d.pictures); errors.Is(err, fs.ErrNotExist) {
		if err := writePictures(d.pictures); err != nil {
			return d, err
		}
	}
	return d, visionScript(ctx, "bench/peers/vision/install.sh", dir, "torch", "onnxruntime", "openvino")
}

func visionScript(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// photos are the decoded photographs of the demonstration, in the order of their names.
func photos() ([]*pixels.Image, error) {
	paths, err := filepath.Glob(".cache/demo-data/*.jpg")
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(err, errors.New("build/demo-data.sh brought no photos: see what it says"))
	}
	slices.Sort(paths)
	var out []*pixels.Image
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		im, _, err := pixels.Decode(data, pixels.DefaultLimits())
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", path, err)
		}
		out = append(out, im)
	}
	return out, nil
}

// writePictures writes views of the photos, each another part.
func writePictures(path string) error {
	all, err := photos()
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	var raw []uint8
	for i := range visionPictures {
		im := all[i%len(all)]
		side := min(im.W, im.H)
		side -= r.IntN(side / 2)
		part := im.Crop(r.IntN(im.W-side+1), r.IntN(im.H-side+1), side, side)
		raw = append(raw, pixels.ReferenceView(part, 224).Pix...)
	}
	return os.WriteFile(path, raw, 0o644)
}
