package shards

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Schema is the version of the columns and of the metadata. A reader refuses files of another version.
const Schema = 1

// Special are the ids that a text tokenizer keeps for itself, and how many ids it has.
type Special struct {
	BOS   int32 `json:"bos"`
	Pad   int32 `json:"pad"`
	EOS   int32 `json:"eos"`
	Unk   int32 `json:"unk"`
	Mask  int32 `json:"mask"`
	Vocab int   `json:"vocab"` // ids are below it
}

// Visual says which visual tokenizer made the codes and what it takes.
type Visual struct {
	Fingerprint string `json:"fingerprint"` // of weights, input side and precision
	Grid        int    `json:"grid"`        // G, patches a side
	Side        int    `json:"side"`        // S, pixels
	Codes       int    `json:"codes"`       // codes are below it
}

// Textual says which text tokenizer made the ids.
type Textual struct {
	Fingerprint string  `json:"fingerprint"`
	Special     Special `json:"special"`
}

// Meta is what all rows of a file share. It is the file's key-value metadata.
type Meta struct {
	Kind     Kind
	Visual   Visual  // zero if the file holds no codes
	Text     Textual // zero if the file holds no ids
	Grid     int     // G of the views; 0 if the file holds none
	Side     int     // S of the views, pixels
	Encoding string  // of the views, e.g. "jpeg-q95-444"
}

// Names of the file's key-value metadata.
const (
	keySchema   = "imglish.schema"
	keyKind     = "imglish.kind"
	keyGrid     = "imglish.grid"
	keySide     = "imglish.side"
	keyEncoding = "imglish.encoding"
	keyVisual   = "imglish.visual_tokenizer"
	keyCodes    = "imglish.codes"
	keyText     = "imglish.text_tokenizer"
	keySpecial  = "imglish.special"
)

// pairs returns the metadata as key-value pairs, in a fixed order.
func (m Meta) pairs() [][2]string {
	kv := [][2]string{{keySchema, strconv.Itoa(Schema)}, {keyKind, string(m.Kind)}}
	if m.Kind == Image || m.Kind == Pair {
		kv = append(kv, [2]string{keyGrid, strconv.Itoa(m.Grid)}, [2]string{keySide, strconv.Itoa(m.Side)},
			[2]string{keyEncoding, m.Encoding}, [2]string{keyVisual, m.Visual.Fingerprint},
			[2]string{keyCodes, strconv.Itoa(m.Visual.Codes)})
	}
	if m.Kind == Text || m.Kind == Pair {
		special, err := json.Marshal(m.Text.Special) // the order of the struct's fields
		if err != nil {
			panic(fmt.Sprintf("marshal %+v: %v", m.Text.Special, err))
		}
		kv = append(kv, [2]string{keyText, m.Text.Fingerprint}, [2]string{keySpecial, string(special)})
	}
	return kv
}

// parseMeta reads what pairs wrote. get returns the value of a key.
func parseMeta(get func(key string) (string, bool)) (Meta, error) {
	var m Meta
	var errs []error
	text := func(key string) string {
		v, ok := get(key)
		if !ok {
			errs = append(errs, fmt.Errorf("metadata lacks %s", key))
		}
		return v
	}
	number := func(key string, most int) int {
		v := text(key)
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > most {
			errs = append(errs, fmt.Errorf("metadata %s is %.40q, want a number up to %d", key, v, most))
		}
		return n
	}
	if v := text(keySchema); v != strconv.Itoa(Schema) {
		return m, fmt.Errorf("schema is %.40q, this program reads %d", v, Schema)
	}
	m.Kind = Kind(text(keyKind))
	if m.Kind == Image || m.Kind == Pair {
		m.Grid, m.Side = number(keyGrid, MaxGrid), number(keySide, MaxSide)
		m.Encoding = text(keyEncoding)
		m.Visual.Fingerprint, m.Visual.Codes = text(keyVisual), number(keyCodes, 1<<16)
		if m.Visual.Fingerprint != "" {
			m.Visual.Grid, m.Visual.Side = m.Grid, m.Side
		}
	}
	if m.Kind == Text || m.Kind == Pair {
		m.Text.Fingerprint = text(keyText)
		if err := json.Unmarshal([]byte(text(keySpecial)), &m.Text.Special); err != nil {
			errs = append(errs, fmt.Errorf("metadata %s: %w", keySpecial, err))
		}
	}
	return m, errors.Join(errs...)
}

// Limits of what a file may claim, so that a damaged one cannot ask for memory without end.
const (
	MaxGrid = 256  // G, patches a side
	MaxSide = 8192 // S, pixels
)
