//go:build tokenizers

package hf

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/iter"
)

// BatchIDs gives for each text what AppendIDs does, on several threads; threads < 1 means one a processor. The library
// has no call for many texts: this makes one call a text.
func (t *Tokenizer) BatchIDs(texts []string, threads int) [][]int32 {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	mapper := iter.Mapper[string, []int32]{MaxGoroutines: threads}
	return mapper.Map(texts, func(text *string) []int32 { return t.AppendIDs(nil, *text) })
}

// ErrCannotEncode says that the library failed at a text, of which it tells no reason.
var ErrCannotEncode = errors.New("the tokenizers library cannot encode this text: its model may lack the piece for unknown words")

// Check tells a text that has no ids because the library failed from one that is empty by the file's rules, such as
// blanks: the library reports neither. Call it where no ids came out.
func (t *Tokenizer) Check(text string) error {
	if strings.TrimSpace(text) == "" || len(t.AppendIDs(nil, text)) > 0 {
		return nil
	}
	// With something behind it that does have ids, only a failure leaves none.
	if len(t.AppendIDs(nil, text+" "+t.probe)) > 0 {
		return nil
	}
	return fmt.Errorf("%.40q: %w", text, ErrCannotEncode)
}

// findProbe looks for a text that the tokenizer gives ids for; "" if there is none among some pieces of its file.
func (t *Tokenizer) findProbe(file []byte) string {
	for _, usual := range []string{"a", "the", "1", "."} {
		if len(t.AppendIDs(nil, usual)) > 0 {
			return usual
		}
	}
	for _, w := range words(file) {
		if len(t.AppendIDs(nil, w)) > 0 {
			return w
		}
	}
	return ""
}

// words are some pieces of a file's vocabulary, the shortest first.
func words(data []byte) (some []string) {
	var file struct {
		Model struct {
			Vocab json.RawMessage
		}
	}
	if json.Unmarshal(data, &file) != nil {
		return nil
	}
	ids, err := vocabulary(file.Model.Vocab)
	if err != nil {
		return nil
	}
	for w := range ids {
		some = append(some, w)
	}
	slices.SortFunc(some, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return some[:min(len(some), 100)]
}
