package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// catalogue is what the demo needs to know of the rows in its shards that a batch does not carry.
type catalogue struct {
	rendered map[[16]byte]bool   // made by scenes, as against real photos and pages
	captions map[[16]byte]string // of pairs
	photos   []mixer.Row         // view 0 of each real photo
}

// readCatalogue reads the shards once.
func readCatalogue(ctx context.Context, st store.Store) (catalogue, error) {
	c := catalogue{rendered: map[[16]byte]bool{}, captions: map[[16]byte]string{}}
	folder, err := shards.Find(ctx, st)
	if err != nil {
		return c, err
	}
	set, err := folder.Load(ctx, nil)
	if err != nil {
		return c, err
	}
	for _, commit := range set.Commits {
		for _, file := range commit.Files {
			switch file.Kind {
			case shards.Pair:
				err = eachRow(ctx, folder, file, func(row int, p *shards.PairRow) {
					c.captions[p.ID] = p.Text
					photo := strings.Contains(p.URL, "/"+realDir+"/")
					c.rendered[p.ID] = !photo
					if photo && p.View.View == 0 {
						c.photos = append(c.photos, mixer.Row{ID: p.ID, Kind: pipeline.Kind_PAIR, Shard: file.Key, Row: row})
					}
				})
			case shards.Image:
				err = eachRow(ctx, folder, file, func(_ int, p *shards.ImageRow) { c.rendered[p.ID] = true })
			case shards.Text:
				err = eachRow(ctx, folder, file, func(_ int, p *shards.TextRow) { c.rendered[p.ID] = p.Source.Dataset == "articles" })
			}
			if err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// eachRow calls f with every row of a file.
func eachRow[T any](ctx context.Context, folder shards.Folder, file shards.File, f func(row int, v *T)) error {
	r, err := shards.OpenFile[T](ctx, folder, file)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]T, 64)
	for at := 0; at < r.Len(); {
		n := min(len(buf), r.Len()-at)
		if err := r.At(at, buf[:n]); err != nil {
			return fmt.Errorf("read %s: %w", file.Key, err)
		}
		for i := range n {
			f(at+i, &buf[i])
		}
		at += n
	}
	return nil
}

// showSheet draws the real photos in the shards and some held-out scenes.
func (d *demo) showSheet(ctx context.Context, t *Training, known catalogue, h held) error {
	const scenesShown = 8
	var all []Exhibit
	for mi, err := range t.Mixer.Load(ctx, known.photos, mixer.Masked) {
		if err != nil {
			return err
		}
		for i := range mi.N {
			all = append(all, exhibit(mi, i, known))
		}
	}
	for _, mi := range h.pairs {
		for i := 0; i < mi.N && len(all) < len(known.photos)+scenesShown; i++ {
			all = append(all, exhibit(mi, i, known))
		}
	}
	if len(all) == 0 {
		return errors.New("the shards hold no pairs to show")
	}
	return saveSheet(d.path("contact-sheet.png"), "a view, its visual words as colours, and what the model sees of it: masked patches are dark", all)
}

func exhibit(mi *mixer.Micro, i int, known catalogue) Exhibit {
	px, cells := mi.S*mi.S*3, mi.G*mi.G
	return Exhibit{Title: known.captions[mi.Rows[i].ID], Side: mi.S, Grid: mi.G, Pixels: mi.Pixels[i*px : (i+1)*px],
		Codes: mi.Codes[i*cells : (i+1)*cells], Mask: mi.VMask[i*cells : (i+1)*cells]}
}
