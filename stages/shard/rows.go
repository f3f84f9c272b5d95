package shard

import (
	"encoding/binary"
	"fmt"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// origin makes the columns that all rows begin with.
func origin(seq uint64, id []byte, o *pipeline.Origin) (shards.Origin, error) {
	if len(id) != 16 {
		return shards.Origin{}, fmt.Errorf("id has %d bytes, want 16", len(id))
	}
	return shards.Origin{
		ID: [16]byte(id), Seq: int64(seq),
		Source: shards.Source{Dataset: o.GetDataset(), Key: o.GetKey(), Revision: o.GetRevision()},
		URL:    o.GetUrl(), Title: o.GetTitle(), Licence: o.GetLicence(), Labels: o.GetLabels(),
	}, nil
}

// view makes the columns of view number n of a sample.
func view(s *pipeline.Sample, n int, m shards.Meta) (shards.View, error) {
	v := s.Views[n]
	row := shards.View{
		View: v.GetNumber(), Crop: shards.Crop{Left: v.GetLeft(), Top: v.GetTop(), Width: v.GetWidth(), Height: v.GetHeight()},
		Flip: v.GetFlip(), Jitter: v.GetJitter(), Encoded: v.GetEncoded(),
		Width: s.GetImage().GetWidth(), Height: s.GetImage().GetHeight(), Format: s.GetImage().GetFormat(),
		Phash: s.GetSignatures().GetPhash(),
	}
	if sum := s.GetImage().GetSha256(); len(sum) == len(row.SHA256) {
		row.SHA256 = [32]byte(sum)
	} else {
		return row, fmt.Errorf("image's SHA-256 has %d bytes, want 32", len(sum))
	}
	if int(v.GetNumber()) != n {
		return row, fmt.Errorf("view %d has number %d", n, v.GetNumber())
	}
	if len(v.GetEncoded()) == 0 {
		return row, fmt.Errorf("view %d has no encoded bytes", n)
	}
	if got := [2]int{int(v.GetGrid()), int(v.GetSide())}; m.Visual.Fingerprint != "" && got != [2]int{m.Grid, m.Side} {
		return row, fmt.Errorf("view %d has grid %d and side %d, the tokenizer %d and %d", n, got[0], got[1], m.Grid, m.Side)
	}
	if v.GetEncoding() != m.Encoding || int(v.GetSide()) != m.Side {
		return row, fmt.Errorf("view %d is %s of side %d, others of its lane are %s of side %d: a lane has one form of view",
			n, v.GetEncoding(), v.GetSide(), m.Encoding, m.Side)
	}
	want := 0
	if m.Visual.Fingerprint != "" {
		want = m.Grid * m.Grid
	}
	if len(v.GetCodes()) != 2*want {
		return row, fmt.Errorf("view %d has %d bytes of codes, want %d", n, len(v.GetCodes()), 2*want)
	}
	row.Codes = make([]uint16, want)
	for i := range row.Codes {
		row.Codes[i] = binary.LittleEndian.Uint16(v.Codes[2*i:])
		if int(row.Codes[i]) >= m.Visual.Codes {
			return row, fmt.Errorf("view %d has code %d, the tokenizer has %d", n, row.Codes[i], m.Visual.Codes)
		}
	}
	return row, nil
}

// part makes the columns of part number n of a sample.
func part(s *pipeline.Sample, n int, m shards.Meta) (shards.Part, error) {
	p := s.Parts[n]
	row := shards.Part{Part: p.GetNumber(), Text: p.GetText(), IDs: p.GetIds(), Minhash: s.GetSignatures().GetMinhash()}
	if int(p.GetNumber()) != n {
		return row, fmt.Errorf("part %d has number %d", n, p.GetNumber())
	}
	if m.Text.Fingerprint == "" {
		if len(p.GetIds()) != 0 {
			return row, fmt.Errorf("part %d has ids, and no text tokenizer is set", n)
		}
		return row, nil
	}
	for _, id := range p.GetIds() {
		if id < 0 || int(id) >= m.Text.Special.Vocab {
			return row, fmt.Errorf("part %d has id %d, the tokenizer has %d", n, id, m.Text.Special.Vocab)
		}
	}
	return row, nil
}

// dropped makes the row of a skip. A skip made where no sample was yet may lack the id that its source gives.
func dropped(seq uint64, s *pipeline.Skip) (shards.DroppedRow, error) {
	id := s.GetId()
	if len(id) == 0 {
		id = pipeline.SampleID(s.GetSource().GetDataset(), s.GetSource().GetKey(), s.GetSource().GetRevision())
	}
	o, err := origin(seq, id, s.GetSource())
	return shards.DroppedRow{
		Origin: o, Kind: kindName(s.GetKind()), Stage: s.GetStage(), Reason: s.GetReason(), Detail: s.GetDetail(),
		Retryable: s.GetRetryable(),
	}, err
}

// kindName is the name of a kind in the shards.
func kindName(k pipeline.Kind) string {
	switch k {
	case pipeline.Kind_IMAGE:
		return string(shards.Image)
	case pipeline.Kind_TEXT:
		return string(shards.Text)
	case pipeline.Kind_PAIR:
		return string(shards.Pair)
	}
	return ""
}
