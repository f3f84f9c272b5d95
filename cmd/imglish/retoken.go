package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/text"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/vqkd"
)

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// prepare checks the data sets and the tokenizers, writes the graph file unless it is there, and returns its path.
func (o *retokenOptions) prepare(ctx context.Context) (string, error) {
	from, err := openStore(ctx, o.from)
	if err != nil {
		return "", err
	}
	to, err := openStore(ctx, o.to)
	if err != nil {
		return "", err
	}
	if from.URL() == to.URL() {
		return "", fmt.Errorf("--from and --to are both %s: the new data set needs a place of its own", to.URL())
	}
	source, err := shards.Find(ctx, from)
	if err != nil {
		return "", err
	}
	if err := o.check(ctx, source); err != nil {
		return "", err
	}
	_, err = shards.Find(ctx, to)
	begun := err == nil
	if err != nil && !errors.Is(err, shards.ErrNoShards) {
		return "", err
	}
	return o.writeGraph(begun)
}

// check holds the tokenizers to what the data set has: views of which side, texts.
func (o *retokenOptions) check(ctx context.Context, source shards.Folder) error {
	set, err := source.Load(ctx, nil)
	if err != nil {
		return err
	}
	found := map[shards.Kind]shards.File{} // one of each kind
	for _, c := range set.Commits {
		for _, f := range c.Files {
			found[f.Kind] = f
		}
	}
	views, hasViews := found[shards.Pair]
	if f, ok := found[shards.Image]; ok {
		views, hasViews = f, true
	}
	_, texts := found[shards.Text]
	_, pairs := found[shards.Pair]
	switch {
	case !hasViews && !texts:
		return fmt.Errorf("%s has no samples yet", source.URL())
	case hasViews && o.tokenizer.tokenizer == "":
		return hinted{fmt.Errorf("%s has views, and no --tokenizer is given for them", source.URL()), "the tokenizer that it was made with gives the same codes again"}
	case (texts || pairs) && o.text.Tokenizer == "":
		return hinted{fmt.Errorf("%s has texts, and no --text is given for them", source.URL()), "the tokenizer that it was made with gives the same ids again"}
	}
	if o.text.Tokenizer != "" {
		if err := o.text.Validate(); err != nil {
			return err
		}
		s, err := text.Open(o.text)
		if err != nil {
			return err
		}
		s.Close()
	}
	if o.tokenizer.tokenizer == "" || !hasViews {
		return nil
	}
	t, err := vqkd.Inspect(o.tokenizer.tokenizer, o.tokenizer.Options)
	if err != nil {
		return err
	}
	r, err := shards.OpenFile[struct{}](ctx, source, views)
	if err != nil {
		return err
	}
	defer r.Close()
	if side := r.Meta().Side; side != t.Side {
		hint := fmt.Sprintf("a line that begins with the sources makes views of %d pixels (view: {side: %d})", t.Side, t.Side)
		if side%t.Patch == 0 {
			hint = fmt.Sprintf("--side %d resizes its position table to a grid of %d×%d; or %s", side, side/t.Patch, side/t.Patch, hint)
		}
		return hinted{fmt.Errorf("the views of %s have %d×%d pixels, %s takes %d×%d", source.URL(), side, side, o.tokenizer.tokenizer, t.Side, t.Side), hint}
	}
	return nil
}

var notInLineName = regexp.MustCompile(`[^a-z0-9_-]+`)

// writeGraph writes the graph file into the line's data folder. One that is there stands, and must say the same once the
// new data set is begun.
func (o *retokenOptions) writeGraph(begun bool) (string, error) {
	name, data, store := filepath.Base(filepath.Clean(o.to)), o.to, ""
	if strings.Contains(o.to, "://") {
		u, err := url.Parse(o.to)
		if err != nil {
			return "", err
		}
		name, data = path.Base(u.Path), u.Path // file:///path
		if u.Scheme == "s3" {
			store = fmt.Sprintf("store: {url: %q}\n", o.to)
			if data = o.data; data == "" {
				data = name
			}
		}
	}
	line := strings.Trim(notInLineName.ReplaceAllString(strings.ToLower(name), "-"), "-_")
	if line == "" {
		line = "retoken"
	}
	from, err := absolute(o.from)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by imglish retoken: the samples of another data set, tokenized again.\nline: %.100s\ndata: .\n%ssources:\n", line, store)
	fmt.Fprintf(&b, "  - shards: {data: %q, join: %v}\ngraph:\n  - [source]\n", from, o.join)
	stages := []string{}
	var settings bytes.Buffer
	if t := o.tokenizer; t.tokenizer != "" {
		file, err := absolute(t.tokenizer)
		if err != nil {
			return "", err
		}
		stages = append(stages, "visual")
		fmt.Fprintf(&settings, "visual: {tokenizer: %q, heads: %d, side: %d, precision: %v, threads: %d}\n", file, t.Heads, t.Side, t.Precision, t.threads)
	}
	if t := o.text; t.Tokenizer != "" {
		file, err := absolute(t.Tokenizer)
		if err != nil {
			return "", err
		}
		stages = append(stages, "text")
		fmt.Fprintf(&settings, "text: {tokenizer: %q, max_pieces: %d}\n", file, t.MaxPieces)
	}
	fmt.Fprintf(&b, "  - [%s]\n%s", strings.Join(append(stages, "shard"), ", "), settings.Bytes())

	file := filepath.Join(data, "retoken.yaml")
	there, err := os.ReadFile(file)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case begun && err != nil:
		return "", hinted{fmt.Errorf("%s holds a data set, and not one that this command has begun: there is no %s", o.to, file), "give --to another place"}
	case begun && !bytes.Equal(there, b.Bytes()):
		return "", hinted{fmt.Errorf("%s has been begun with other settings, or was changed", file),
			"imglish run " + file + " goes on with it as it is; for other tokenizers give --to another place"}
	case begun:
		return file, nil
	}
	if _, err := pipeline.Parse(file, b.Bytes(), builders()); err != nil {
		return "", err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, b.Bytes(), 0o644)
}

// absolute is a path or URL that means the same from any folder.
func absolute(where string) (string, error) {
	if strings.Contains(where, "://") {
		return where, nil
	}
	return filepath.Abs(where)
}
