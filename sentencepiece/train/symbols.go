package train

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/imglish/imglish/sentencepiece"
)

// maxSymbolBytes is a little less than what package sentencepiece reads of a piece.
const maxSymbolBytes = 4000

// symbols are the pieces that are not trained, by id: the special ones where the settings want them, the others in the
// free ids from 0 on, control symbols first, then the user's, then bytes.
func (c *Config) symbols() (map[int]sentencepiece.DraftPiece, error) {
	byID := map[int]sentencepiece.DraftPiece{}
	named := map[string]int{}
	put := func(id int, text string, kind sentencepiece.PieceKind) error {
		other, taken := byID[id]
		at, twice := named[text]
		switch {
		case text == "" || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 || len(text) > maxSymbolBytes:
			return fmt.Errorf("symbol %.40q must be UTF-8 of 1 to %d bytes without NUL", text, maxSymbolBytes)
		case twice:
			return fmt.Errorf("symbol %q is to be piece %d and piece %d", text, at, id)
		case taken:
			return fmt.Errorf("symbols %q and %q are both to be piece %d", other.Text, text, id)
		case id >= c.Vocab:
			return fmt.Errorf("symbol %q is to be piece %d of a vocabulary of %d", text, id, c.Vocab)
		}
		byID[id] = sentencepiece.DraftPiece{Text: text, Kind: kind}
		named[text] = id
		return nil
	}
	if c.UnkID < 0 {
		return nil, fmt.Errorf("the id of the unknown piece is %d, there must be one", c.UnkID)
	}
	if err := put(c.UnkID, c.UnkPiece, sentencepiece.Unknown); err != nil {
		return nil, err
	}
	special := map[string]int{}
	for _, s := range []struct {
		id   int
		text string
	}{{c.BosID, c.BosPiece}, {c.EosID, c.EosPiece}, {c.PadID, c.PadPiece}} {
		if s.id < 0 {
			continue
		}
		if err := put(s.id, s.text, sentencepiece.Control); err != nil {
			return nil, err
		}
		special[s.text] = s.id
	}
	next := 0
	add := func(text string, kind sentencepiece.PieceKind) error {
		if id, ok := special[text]; ok { // names <s> and its like to say of what kind it is
			delete(special, text)
			byID[id] = sentencepiece.DraftPiece{Text: text, Kind: kind}
			return nil
		}
		for byID[next].Text != "" {
			next++
		}
		return put(next, text, kind)
	}
	for _, text := range c.Control {
		if err := add(text, sentencepiece.Control); err != nil {
			return nil, err
		}
	}
	for _, text := range c.UserDefined {
		if err := add(text, sentencepiece.UserDefined); err != nil {
			return nil, err
		}
	}
	if c.ByteFallback {
		for b := range 256 {
			if err := add(fmt.Sprintf("<0x%02X>", b), sentencepiece.Byte); err != nil {
				return nil, err
			}
		}
	}
	return byID, nil
}
