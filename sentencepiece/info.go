package sentencepiece

import "unicode/utf8"

// Info is what a model's file says about it.
type Info struct {
	Type        Type           `json:"type"`
	Size        int            `json:"size"`   // raw pieces
	Kinds       KindCounts     `json:"kinds"`  // of these
	Unk         int32          `json:"unk_id"` // raw ids of the special pieces, by the names that the file gives them; -1: none
	BOS         int32          `json:"bos_id"`
	EOS         int32          `json:"eos_id"`
	Pad         int32          `json:"pad_id"`
	Longest     string         `json:"longest"`     // the longest piece in characters; of equal ones the first
	UnkSurface  string         `json:"unk_surface"` // what the unknown piece is decoded to
	Normalizer  NormalizerInfo `json:"normalizer"`
	Denormal    NormalizerInfo `json:"denormalizer"` // Rules 0: none
	Trainer     TrainerInfo    `json:"trainer"`
	XLMR        Special        `json:"xlmr_ids"`    // the ids of XLM-R's layout
	Fingerprint string         `json:"fingerprint"` // hex SHA-256 of the file
}

// KindCounts counts pieces by what they are for.
type KindCounts struct {
	Normal      int `json:"normal"`
	Unknown     int `json:"unknown"`
	Control     int `json:"control"`
	UserDefined int `json:"user_defined"`
	Unused      int `json:"unused"`
	Byte        int `json:"byte"`
}

// NormalizerInfo is how a text is normalised.
type NormalizerInfo struct {
	Name                   string `json:"name"`  // of the rules: nmt_nfkc, identity, …
	Rules                  int    `json:"rules"` // bytes of precompiled rules
	AddDummyPrefix         bool   `json:"add_dummy_prefix"`
	RemoveExtraWhitespaces bool   `json:"remove_extra_whitespaces"`
	EscapeWhitespaces      bool   `json:"escape_whitespaces"`
	WhitespaceAsSuffix     bool   `json:"whitespace_as_suffix"`
}

// TrainerInfo is what the trainer was asked for; the defaults of the format where the file says nothing.
type TrainerInfo struct {
	VocabSize         int      `json:"vocab_size"`
	Inputs            []string `json:"inputs"`
	InputSentences    uint64   `json:"input_sentences"` // at most so many were read; 0: all
	CharacterCoverage float32  `json:"character_coverage"`
	MaxPieceLength    int      `json:"max_piece_length"` // characters
	SplitByWhitespace bool     `json:"split_by_whitespace"`
	SplitDigits       bool     `json:"split_digits"`
	ByteFallback      bool     `json:"byte_fallback"`
}

// Info tells what the model's file says.
func (m *Model) Info() Info {
	t, z, d := &m.settings.trainer, &m.settings.normalizer, &m.settings.denormalizer
	info := Info{
		Type:        t.model,
		Size:        len(m.pieces),
		Unk:         m.named(t.unknown, "<unk>", kindUnknown),
		BOS:         m.named(t.bos, "<s>", kindControl),
		EOS:         m.named(t.eos, "</s>", kindControl),
		Pad:         m.named(t.pad, "<pad>", kindControl),
		UnkSurface:  m.unknownText,
		Normalizer:  z.info(t.spaceAsSuffix, m.norm.rules),
		Fingerprint: m.fingerprint,
		XLMR:        m.Special(),
		Trainer: TrainerInfo{
			VocabSize:         t.vocabSize,
			Inputs:            t.inputs,
			InputSentences:    t.inputSentences,
			CharacterCoverage: t.characterCoverage,
			MaxPieceLength:    t.maxPieceLength,
			SplitByWhitespace: t.splitByWhitespace,
			SplitDigits:       t.splitDigits,
			ByteFallback:      t.byteFallback,
		},
	}
	if m.denorm != nil {
		info.Denormal = d.info(false, m.denorm.rules)
	}
	longest := 0
	for _, p := range m.pieces {
		if n := utf8.RuneCountInString(p.text); p.kind == kindNormal && n > longest {
			info.Longest, longest = p.text, n
		}
		switch p.kind {
		case kindNormal:
			info.Kinds.Normal++
		case kindUnknown:
			info.Kinds.Unknown++
		case kindControl:
			info.Kinds.Control++
		case kindUserDefined:
			info.Kinds.UserDefined++
		case kindUnused:
			info.Kinds.Unused++
		case kindByte:
			info.Kinds.Byte++
		}
	}
	return info
}

// named finds a special piece. A file that leaves its name empty means the usual one.
func (m *Model) named(name, usual string, k kind) int32 {
	if name == "" {
		name = usual
	}
	if id, ok := m.special[name]; ok && m.pieces[id].kind == k {
		return id
	}
	return -1
}

func (z *normalizerSettings) info(spaceAsSuffix bool, rules *charsmap) NormalizerInfo {
	n := NormalizerInfo{
		Name:                   z.name,
		AddDummyPrefix:         z.dummyPrefix,
		RemoveExtraWhitespaces: z.collapseSpaces,
		EscapeWhitespaces:      z.escapeSpaces,
		WhitespaceAsSuffix:     spaceAsSuffix,
	}
	if rules != nil {
		n.Rules = 4*len(rules.units) + len(rules.blob)
	}
	return n
}
