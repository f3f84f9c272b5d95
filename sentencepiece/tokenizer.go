package sentencepiece

// Special are the ids with a meaning of their own.
type Special struct {
	BOS   int32 `json:"bos"`
	Pad   int32 `json:"pad"`
	EOS   int32 `json:"eos"`
	Unk   int32 `json:"unk"`
	Mask  int32 `json:"mask"`
	Vocab int   `json:"vocab"` // number of ids: all are in [0, Vocab)
}

// Tokenizer is what the line, the mixer and the trainer need of a text tokenizer.
type Tokenizer interface {
	// AppendIDs appends the ids of a text, without BOS and EOS, and returns the longer slice.
	AppendIDs(dst []int32, text string) []int32
	Special() Special
	// Fingerprint tells tokenizers apart: hex SHA-256 over what the ids depend on.
	Fingerprint() string
}

// Batcher is a Tokenizer that encodes many texts on several threads.
type Batcher interface {
	Tokenizer
	// BatchIDs gives for each text what AppendIDs does; threads < 1 means one a processor.
	BatchIDs(texts []string, threads int) [][]int32
}

var _ Tokenizer = (*Model)(nil)

// layout maps raw ids to a Tokenizer's. XLM-R's: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>, piece i at i+1, <mask> last. It
// expects a file that starts with <unk>, <s> and </s>, whose places are taken again; of any other file all pieces are
// kept, behind the four.
type layout struct {
	unknown int32
	shift   int32
	mask    int32
}

// Ids of XLM-R's layout that hold for every model.
const (
	idBOS int32 = iota
	idPad
	idEOS
	idUnknown
)

func layoutOf(pieces []piece, unknown int32) layout {
	l := layout{unknown: unknown, shift: idUnknown + 1}
	if unknown == 0 && len(pieces) >= 3 && pieces[1].kind == kindControl && pieces[2].kind == kindControl {
		l.shift = 1
	}
	l.mask = int32(len(pieces)) + l.shift
	return l
}

func (l *layout) id(raw int32) int32 {
	if raw == l.unknown {
		return idUnknown
	}
	return raw + l.shift
}

// AppendIDs appends the ids of a text in XLM-R's layout, without BOS and EOS.
func (m *Model) AppendIDs(dst []int32, text string) []int32 {
	return m.appendIDs(dst, text, &m.layout)
}

// Special tells the ids of XLM-R's layout that are no pieces.
func (m *Model) Special() Special {
	return Special{BOS: idBOS, Pad: idPad, EOS: idEOS, Unk: idUnknown, Mask: m.layout.mask, Vocab: int(m.layout.mask) + 1}
}

// Fingerprint is the hex SHA-256 of the .model file.
func (m *Model) Fingerprint() string { return m.fingerprint }

// ID turns a raw id into XLM-R's layout.
func (m *Model) ID(raw int32) int32 { return m.layout.id(raw) }

// Raw turns an id of XLM-R's layout into a raw one; ok is false for an id that is no piece.
func (m *Model) Raw(id int32) (raw int32, ok bool) {
	if id == idUnknown {
		return m.unknown, m.unknown >= 0
	}
	raw = id - m.layout.shift
	return raw, id > idUnknown && raw >= 0 && int(raw) < len(m.pieces)
}
