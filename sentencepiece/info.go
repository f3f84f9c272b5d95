package sentencepiece

import "unicode/utf8"

// Info is what a model's file says about it.
type Info struct {
	Type        Type
	Size        int        // raw pieces
	Kinds       KindCounts // of these
	Unk         int32      // raw ids of the special pieces, by the names that the file gives them; -1: none
	BOS         int32
	EOS         int32
	Pad         int32
	Longest     string // the longest piece in characters; of equal ones the first
	UnkSurface  string // what the unknown piece is decoded to
	Normalizer  NormalizerInfo
	Denormal    NormalizerInfo // Rules 0: none
	Trainer     TrainerInfo
	XLMR        Special // the ids of XLM-R's layout
	Fingerprint string  // hex SHA-256 of the file
}

// KindCounts counts pieces by what they are for.
type KindCounts struct {
	Normal, Unknown, Control, UserDefined, Unused, Byte int
}

// NormalizerInfo is how a text is normalised.
type NormalizerInfo struct {
	Name                   string // of the rules: nmt_nfkc, identity, …
	Rules                  int    // bytes of precompiled rules
	AddDummyPrefix         bool
	RemoveExtraWhitespaces bool
	EscapeWhitespaces      bool
	WhitespaceAsSuffix     bool
}

// TrainerInfo is what the trainer was asked for; the defaults of the format where the file says nothing.
type TrainerInfo struct {
	VocabSize         int
	Inputs            []string
	InputSentences    uint64 // at most so many were read; 0: all
	CharacterCoverage float32
	MaxPieceLength    int // characters
	SplitByWhitespace bool
	SplitDigits       bool
	ByteFallback      bool
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
