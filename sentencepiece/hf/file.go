package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/imglish/imglish/sentencepiece"
)

// names are what published files call the special tokens, the more telling name first.
var names = struct{ bos, pad, eos, unk, mask []string }{
	bos:  []string{"<s>", "[CLS]", "<bos>", "<|begin_of_text|>", "<BOS_TOKEN>", "<|startoftext|>", "<|endoftext|>"},
	pad:  []string{"<pad>", "[PAD]", "<PAD>"},
	eos:  []string{"</s>", "[SEP]", "<eos>", "<|end_of_text|>", "<EOS_TOKEN>", "<|endoftext|>"},
	unk:  []string{"<unk>", "[UNK]", "<UNK>"},
	mask: []string{"<mask>", "[MASK]", "<MASK_TOKEN>"},
}

// readFile takes from a tokenizer.json what the library does not tell: the ids of the special tokens and the number of
// ids. It returns the file without its settings for cutting and padding. A special token that a file does not have gets
// an id behind all others, so that a model has a row for it.
func readFile(data []byte) (clean []byte, s sentencepiece.Special, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, s, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	var model struct {
		Vocab json.RawMessage
	}
	if err := json.Unmarshal(fields["model"], &model); err != nil {
		return nil, s, fmt.Errorf("not a tokenizer.json: model: %w", err)
	}
	ids, err := vocabulary(model.Vocab)
	if err != nil {
		return nil, s, err
	}
	var added []struct {
		ID      int32
		Content string
	}
	if raw, ok := fields["added_tokens"]; ok {
		if err := json.Unmarshal(raw, &added); err != nil {
			return nil, s, fmt.Errorf("not a tokenizer.json: added_tokens: %w", err)
		}
	}
	for _, a := range added {
		ids[a.Content] = a.ID
	}
	if len(ids) == 0 {
		return nil, s, errors.New("not a tokenizer.json: it has no vocabulary")
	}
	for token, id := range ids {
		if id < 0 || id > 1<<28 {
			return nil, s, fmt.Errorf("token %q has the id %d", token, id)
		}
		s.Vocab = max(s.Vocab, int(id)+1)
	}
	find := func(from []string) int32 {
		if i := slices.IndexFunc(from, func(n string) bool { _, ok := ids[n]; return ok }); i >= 0 {
			return ids[from[i]]
		}
		s.Vocab++
		return int32(s.Vocab - 1)
	}
	s.BOS, s.Pad, s.EOS, s.Unk, s.Mask = find(names.bos), find(names.pad), find(names.eos), find(names.unk), find(names.mask)
	fields["truncation"], fields["padding"] = json.RawMessage("null"), json.RawMessage("null")
	clean, err = json.Marshal(fields)
	return clean, s, err
}

// vocabulary reads model.vocab: an object of token to id, or for Unigram a list of [token, score].
func vocabulary(raw json.RawMessage) (map[string]int32, error) {
	ids := map[string]int32{}
	if len(raw) == 0 {
		return ids, nil
	}
	if raw[0] != '[' {
		if err := json.Unmarshal(raw, &ids); err != nil {
			return nil, fmt.Errorf("vocabulary: %w", err)
		}
		return ids, nil
	}
	var list [][]any
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	for i, e := range list {
		if len(e) == 0 {
			return nil, fmt.Errorf("vocabulary: entry %d is empty", i)
		}
		token, ok := e[0].(string)
		if !ok {
			return nil, fmt.Errorf("vocabulary: entry %d is no token", i)
		}
		ids[token] = int32(i)
	}
	return ids, nil
}
