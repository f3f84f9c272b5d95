package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
	text "github.com/imglish/imglish/sentencepiece/demo"
	"github.com/imglish/imglish/stages/fetch"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	visual "github.com/imglish/imglish/vqkd/demo"
)

// fetchNothing stands in for fetch, clean and view: every pair gets two views of coloured squares, drawn from its URL.
func fetchNothing(_ context.Context, s *pipeline.Sample) (pipeline.Result, error) {
	if s.Kind != pipeline.Kind_PAIR {
		return pipeline.Keep(s), nil
	}
	if strings.HasSuffix(s.Source.Url, "/5") {
		return pipeline.Drop("http-404", ""), nil
	}
	s.Image = &pipeline.Image{Blob: "x", Sha256: bytes.Repeat([]byte{7}, 32), Width: 300, Height: 200, Format: "jpeg"}
	s.Signatures = &pipeline.Signatures{Phash: 99, Minhash: []uint32{1, 2}}
	for n := range 2 {
		im := &pixels.Image{W: 224, H: 224, Pix: make([]uint8, 3*224*224)}
		for i := range im.Pix {
			x, y := i/3%224/32, i/3/224/32
			im.Pix[i] = uint8((x*37 + y*59 + i%3*91 + n*50 + 31*len(s.Parts[0].Text)) * 7)
		}
		data, err := pixels.EncodeJPEG(im, 95, false)
		if err != nil {
			return pipeline.Result{}, err
		}
		s.Views = append(s.Views, &pipeline.View{Number: int32(n), Width: 224, Height: 224, Flip: n == 1, Encoded: data,
			Encoding: "jpeg-q95-444", Side: 224, Grid: 14})
	}
	return pipeline.Keep(s), nil
}

// retokenData writes a list of pairs, a dump of short and long texts, and two tokenizers of each kind.
func retokenData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var list, dump strings.Builder
	for n := range 30 {
		fmt.Fprintf(&list, "http://example.org/%d\ta red ball and %s blue squares\n", n, strings.Repeat("many ", n%7))
	}
	dump.WriteString("<mediawiki><siteinfo><dbname>x</dbname></siteinfo>\n")
	for n := range 12 {
		prose := strings.Repeat(fmt.Sprintf("This is a sentence about number %d. Another one tells of a green circle! ", n), 1+n*2)
		fmt.Fprintf(&dump, "<page><title>Page %d</title><ns>0</ns><id>%d</id><revision><id>%d</id><text>%s</text></revision></page>\n", n, n+1, n+100, prose)
	}
	dump.WriteString("</mediawiki>\n")
	// Another visual tokenizer: one whose codebook is turned round.
	other := bytes.Clone(visual.Weights)
	header := binary.LittleEndian.Uint64(other)
	var tensors map[string]json.RawMessage
	if err := json.Unmarshal(other[8:8+header], &tensors); err != nil {
		t.Fatal(err)
	}
	var book struct {
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(tensors["quantize.embedding.weight"], &book); err != nil {
		t.Fatal(err)
	}
	for i := 8 + int(header) + book.Offsets[0] + 1; i < 8+int(header)+book.Offsets[1]; i += 2 {
		other[i] ^= 0x80 // the sign of a float16
	}
	bpe, err := os.ReadFile("../../sentencepiece/testdata/bpe4k.model")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"list.tsv": []byte(list.String()), "dump.xml": []byte(dump.String()),
		"old.safetensors": visual.Weights, "old.safetensors.json": visual.Config,
		"new.safetensors": other, "new.safetensors.json": visual.Config,
		"old.model": text.File(), "new.model": bpe,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const freshSources = `
  - cc12m: {list: list.tsv}
  - wikipedia: {dump: dump.xml}`

// retokenLine runs a line to its end and returns its rows by id, view or part.
func retokenLine(t *testing.T, dir, name, sources, graph, tokens string) map[string]string {
	t.Helper()
	file := filepath.Join(dir, name+".yaml")
	content := fmt.Sprintf("line: %s\ndata: %s\nlanes: 2\nkafka: {log_mb: 64}\nsources:%s\ngraph: %s\nshard: {range: 8}\n"+
		"visual: {tokenizer: %s.safetensors}\ntext: {tokenizer: %s.model, max_pieces: 40}\n", name, name, sources, graph, tokens, tokens)
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	b := builders()
	b.Stages["fetch"] = pipeline.Build(fetch.Defaults(), pipeline.Work{}, func(context.Context, fetch.Config, pipeline.Env) (pipeline.Stage, error) {
		return pipeline.Each(fetchNothing), nil
	})
	cfg, err := pipeline.Load(file, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := pipeline.Run(t.Context(), cfg, b, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	return retokenRows(t, cfg.Data)
}

func retokenRows(t *testing.T, dir string) map[string]string {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, st)
}

// rowsOf are a store's rows by id, view or part.
func rowsOf(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for c, err := range shards.In(st).Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if file, ok := c.File(shards.Pair); ok {
			for _, row := range readRows[shards.PairRow](t, st, file) {
				row.Seq = 0 // another lane and place
				out[fmt.Sprintf("%x view %d", row.ID, row.View.View)] = fmt.Sprintf("%+v", row)
			}
		}
		if file, ok := c.File(shards.Text); ok {
			for _, row := range readRows[shards.TextRow](t, st, file) {
				row.Seq = 0
				out[fmt.Sprintf("%x %s part %03d", row.ID, row.Title, row.Part.Part)] = fmt.Sprintf("%+v", row)
			}
		}
	}
	return out
}

func readRows[T any](t *testing.T, st store.Store, file shards.File) []T {
	t.Helper()
	r, err := shards.OpenFile[T](t.Context(), shards.In(st), file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := make([]T, r.Len())
	if err := r.At(0, rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// A data set that is tokenized again from its shards is, row for row, what a fresh line makes: with the same tokenizers,
// and with others for all but texts of several parts, which need join.
func TestTokenizeAgainFromShards(t *testing.T) {
	if testing.Short() {
		t.Skip("runs five lines")
	}
	dir := retokenData(t)
	const fresh, again = "[[source], [fetch, visual, text, shard]]", "[[source], [visual, text, shard]]"
	made := retokenLine(t, dir, "made", freshSources, fresh, "old")
	other := retokenLine(t, dir, "other", freshSources, fresh, "new")
	pairs := 0
	for key := range made {
		if strings.Contains(key, "view") {
			pairs++
		}
	}
	if pairs != 58 || len(made) < pairs+40 {
		t.Fatalf("the first line has %d views and %d parts", pairs, len(made)-pairs)
	}
	if same := retokenLine(t, dir, "same", "\n  - shards: {data: made}", again, "old"); !cmp.Equal(made, same) {
		t.Errorf("the same tokenizers (-fresh +again):\n%.3000s", cmp.Diff(made, same))
	}
	joined := retokenLine(t, dir, "joined", "\n  - shards: {data: made, join: true}", again, "new")
	if diff := cmp.Diff(withoutBreaks(other), withoutBreaks(joined)); diff != "" {
		t.Errorf("other tokenizers, joined (-fresh +again):\n%.3000s", diff)
	}
	apart := retokenLine(t, dir, "apart", "\n  - shards: {data: made}", again, "new")
	long := 0
	for key, row := range other {
		id, _, _ := strings.Cut(key, " ")
		parts := slices.DeleteFunc(keysOf(made), func(k string) bool { return !strings.HasPrefix(k, id) })
		if strings.Contains(key, "part") && len(parts) > 1 {
			long++
			continue
		}
		if apart[key] != row {
			t.Errorf("%s with other tokenizers is\n%.500s\nwant\n%.500s", key, apart[key], row)
		}
		if made[key] == row {
			t.Errorf("%s is the same with both tokenizers: nothing is shown", key)
		}
	}
	if long == 0 {
		t.Error("no text had several parts")
	}
	if code, stdout, stderr := imglish(t, "shards", "verify", filepath.Join(dir, "joined")); code != 0 {
		t.Errorf("verify: %s%s", stdout, stderr)
	}
}

func keysOf(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// withoutBreaks takes line breaks for spaces: what was between two parts is not known.
func withoutBreaks(rows map[string]string) map[string]string {
	out := map[string]string{}
	for key, row := range rows {
		out[key] = strings.ReplaceAll(row, "\n", " ")
	}
	return out
}
