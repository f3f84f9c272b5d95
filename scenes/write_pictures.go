package scenes

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pixels"
	"github.com/sourcegraph/conc/stream"
)

// picture is a scene, painted and encoded.
type picture struct {
	scene Scene
	jpeg  []byte
	err   error
}

// paintAll paints n scenes in parallel and hands them to use one at a time, in order, until use fails.
func paintAll(ctx context.Context, n int, c Config, scene func(i int) Scene, use func(i int, p picture) error) error {
	var err error
	s := stream.New().WithMaxGoroutines(c.Workers)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		s.Go(func() stream.Callback {
			p := picture{scene: scene(i)}
			p.jpeg, p.err = pixels.EncodeJPEG(p.scene.Render(c.Side), c.Quality, true)
			return func() {
				if err == nil {
					err = p.err
				}
				if err == nil {
					err = ctx.Err()
				}
				if err == nil {
					err = use(i, p)
				}
			}
		})
	}
	s.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// writePairs writes photos/ and the list: a URL, a tab and a caption a line, as Conceptual 12M has them.
//
// Photos are not synced one by one: a machine that stops may leave a photo without bytes, and then there is no mark file.
func writePairs(ctx context.Context, dir string, c Config, truth io.Writer, step func(string)) error {
	return writeFile(filepath.Join(dir, ListFile), func(list io.Writer) error {
		return paintAll(ctx, c.Pairs, c, func(i int) Scene { return New(c.Seed, i) }, func(i int, p picture) error {
			name := fmt.Sprintf("%s/%06d.jpg", PhotosDir, i)
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path+".part", p.jpeg, 0o666); err != nil {
				return err
			}
			if err := os.Rename(path+".part", path); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(list, "%s\t%s\n", c.photoURL(name), p.scene.Caption()); err != nil {
				return err
			}
			t := p.scene.Truth(name, c.Side)
			if c.Masks {
				if err := writeMasks(dir, i, p.scene, &t); err != nil {
					return err
				}
			}
			step("pairs")
			return json.NewEncoder(truth).Encode(t)
		})
	})
}

func writeMasks(dir string, i int, s Scene, t *Truth) error {
	for o := range s.Objects {
		name := fmt.Sprintf("%s/%06d_%d.png", MasksDir, i, o)
		t.Objects[o].Mask = name
		err := writeFile(filepath.Join(dir, name), func(w io.Writer) error { return png.Encode(w, s.Mask(o, t.Side)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Synset is the made-up WordNet number of a shape. Real numbers go up to n15300051.
func Synset(shape int) string { return fmt.Sprintf("n990000%02d", shape+1) }

// writeSynsets writes an archive a shape, with members named as ImageNet's.
func writeSynsets(ctx context.Context, dir string, c Config, truth io.Writer, step func(string)) error {
	files := make([]*durable.File, len(Shapes))
	archives := make([]*tar.Writer, len(Shapes))
	for k := range Shapes {
		f, err := durable.Create(filepath.Join(dir, SynsetsDir, Synset(k)+".tar"))
		if err != nil {
			return err
		}
		defer f.Discard()
		files[k], archives[k] = f, tar.NewWriter(f)
	}
	err := paintAll(ctx, c.Images, c, func(i int) Scene { return NewSingle(c.Seed, i) }, func(i int, p picture) error {
		k := p.scene.Objects[0].Shape
		member := fmt.Sprintf("%s_%d.JPEG", Synset(k), i)
		h := &tar.Header{Name: member, Mode: 0o644, Size: int64(len(p.jpeg)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := archives[k].WriteHeader(h); err != nil {
			return err
		}
		if _, err := archives[k].Write(p.jpeg); err != nil {
			return err
		}
		t := p.scene.Truth(fmt.Sprintf("%s/%s.tar/%s", SynsetsDir, Synset(k), member), c.Side)
		t.Synset = Synset(k)
		step("images")
		return json.NewEncoder(truth).Encode(t)
	})
	if err != nil {
		return err
	}
	for k := range archives {
		if err := archives[k].Close(); err != nil {
			return err
		}
		if err := files[k].Commit(); err != nil {
			return err
		}
	}
	return nil
}
