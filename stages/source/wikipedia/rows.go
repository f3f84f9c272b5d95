package wikipedia

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// rows reads the articles of one dump.
type rows struct {
	f     *os.File
	file  pipeline.File
	cfg   Config
	text  text
	pages scanner
	site  site
	plain *Converter
}

func openDump(path string, file pipeline.File, at string, cfg Config) (*rows, error) {
	from, err := parsePlace(at)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &rows{f: f, file: file, cfg: cfg}
	if r.site, err = readSite(f, file.Size); err == nil {
		r.text, err = openText(f, file.Size, from)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r.pages = scanner{t: r.text, max: cfg.MaxPage}
	r.plain = NewConverter(Options{DropSections: cfg.DropSections, Hidden: r.site.hidden})
	return r, nil
}

func parsePlace(s string) (place, error) {
	if s == "" {
		return place{}, nil
	}
	a, b, ok := strings.Cut(s, "+")
	stream, err1 := strconv.ParseInt(a, 10, 64)
	skip, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil || stream < 0 || skip < 0 {
		return place{}, fmt.Errorf("cursor place %q is not of the form stream+bytes", s)
	}
	return place{stream, skip}, nil
}

func (r *rows) Done() int64  { return min(r.text.done(), r.file.Size) }
func (r *rows) Close() error { return r.f.Close() }

func (r *rows) Next(ctx context.Context) (pipeline.Result, string, error) {
	for {
		if err := ctx.Err(); err != nil { // a dump has long stretches of redirects
			return pipeline.Result{}, "", err
		}
		got, err := r.pages.next()
		if err != nil {
			return pipeline.Result{}, "", err
		}
		if row, ok := r.row(got); ok {
			return row, r.text.at(got.end).String(), nil
		}
	}
}

// row makes a row of a piece of the dump, if it is one.
func (r *rows) row(got piece) (pipeline.Result, bool) {
	if got.broken != nil {
		why := "it ends inside of a page"
		var d *damage
		if errors.As(got.broken, &d) {
			why = d.Error()
		}
		return r.skip(fmt.Sprintf("@%v", r.text.at(got.end)), "damaged-dump", why), true
	}
	p, err := parsePage(got.xml)
	switch {
	case got.tooLarge: // cut off, so that parsing never ends well
		if !p.article() {
			return pipeline.Result{}, false
		}
		if p.check() != nil {
			return r.skip(fmt.Sprintf("@%v", r.text.at(got.end)), "page-too-large", p.title), true
		}
		return r.skipPage(&p, "page-too-large", fmt.Sprintf("more than %d bytes of XML", r.cfg.MaxPage)), true
	case err != nil:
		return r.skip(fmt.Sprintf("@%v", r.text.at(got.end)), "malformed-page", err.Error()), true
	case !p.article():
		return pipeline.Result{}, false
	}
	plain := r.plain.Text(p.title, p.text)
	if plain == "" {
		return r.skipPage(&p, "no-text", "nothing is left of its wikitext"), true
	}
	s := filelist.Sample(pipeline.Kind_TEXT, r.origin(&p))
	s.Parts = []*pipeline.Part{{Text: plain}}
	return pipeline.Keep(s), true
}

func (r *rows) origin(p *page) *pipeline.Origin {
	return &pipeline.Origin{
		Dataset:  r.cfg.Dataset,
		Key:      p.id,
		Revision: p.revision,
		Url:      r.site.address(p.title),
		Licence:  r.cfg.Licence,
		Title:    p.title,
	}
}

func (r *rows) skipPage(p *page, reason, detail string) pipeline.Result {
	return filelist.Reference(pipeline.Drop(reason, detail), pipeline.Kind_TEXT, r.origin(p))
}

// skip names a place in the dump, where no page can be named.
func (r *rows) skip(key, reason, detail string) pipeline.Result {
	from := &pipeline.Origin{Dataset: r.cfg.Dataset, Key: key, Revision: r.file.Fingerprint, Licence: r.cfg.Licence}
	return filelist.Reference(pipeline.Drop(reason, detail), pipeline.Kind_TEXT, from)
}
