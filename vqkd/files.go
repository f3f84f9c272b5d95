package vqkd

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/imglish/imglish/pixels"
)

// FileCodes is what became of one image file: codes, or the error why there are none.
type FileCodes struct {
	Path  string
	Codes []uint16 // [G²], row-major
	Err   error
}

// maxFileBytes bounds an image file that EncodeFiles reads.
const maxFileBytes = 256 << 20

// EncodeFiles computes the codes of image files as the reference tool does: shorter side to 8/7 of the tokenizer's side
// by the antialiased bicubic filter, the centre cut out, no turning by EXIF. It calls emit for each path, in order; a
// file that cannot be read gets an error there and stops nothing. Memory holds one batch of views.
func (t *Tokenizer) EncodeFiles(ctx context.Context, paths []string, emit func(FileCodes) error) error {
	for from := 0; from < len(paths); from += t.batch {
		batch := make([]FileCodes, 0, t.batch)
		var views []uint8
		for _, path := range paths[from:min(len(paths), from+t.batch)] {
			if err := ctx.Err(); err != nil {
				return err
			}
			f := FileCodes{Path: path}
			var v *pixels.Image
			if v, f.Err = t.ReadView(path); f.Err == nil {
				views = append(views, v.Pix...)
			}
			batch = append(batch, f)
		}
		n := len(views) / (t.side * t.side * 3)
		codes, err := t.Encode(ctx, views, n)
		if err != nil {
			return err
		}
		cells := t.gridNow * t.gridNow
		for _, f := range batch {
			if f.Err == nil {
				f.Codes, codes = codes[:cells], codes[cells:]
			}
			if err := emit(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadView reads an image file and makes the view of it that EncodeFiles encodes, S×S pixels.
func (t *Tokenizer) ReadView(path string) (*pixels.Image, error) {
	im, err := readImage(path)
	if err != nil {
		return nil, err
	}
	return pixels.ReferenceView(im, t.side), nil
}

func readImage(path string) (*pixels.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err // which names the file
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, maxFileBytes)
	}
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	return im, nil
}
