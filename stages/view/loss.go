package view

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/pixels"
)

// Loss is what keeping views in an encoding costs.
type Loss struct {
	Encoding string `json:"encoding"`
	Views    int    `json:"views"`
	Bytes    int64  `json:"bytes"`   // of all views
	Codes    int    `json:"codes"`   // of all views
	Changed  int    `json:"changed"` // codes of the encoded view that are not those of its pixels
}

// LossMeter measures encodings side by side, view by view.
type LossMeter struct {
	codes    func(ctx context.Context, pixels []uint8, n int) ([]uint16, error)
	encoders []Encoder
	losses   []Loss
}

// NewLossMeter measures the encodings of the given names. codes is a tokenizer's: [n, S, S, 3] uint8 RGB to [n, G²].
func NewLossMeter(codes func(context.Context, []uint8, int) ([]uint16, error), names []string, webp Encoder) (*LossMeter, error) {
	m := &LossMeter{codes: codes, losses: make([]Loss, len(names))}
	for i, name := range names {
		e, err := ParseEncoding(name, webp)
		if err != nil {
			return nil, err
		}
		m.encoders = append(m.encoders, e)
		m.losses[i].Encoding = name
	}
	return m, nil
}

// Add encodes a view in each of the encodings, decodes it again and compares the codes with those of its pixels.
func (m *LossMeter) Add(ctx context.Context, v *pixels.Image) error {
	pix := append([]uint8{}, v.Pix...)
	sizes := make([]int, len(m.encoders))
	for i, encode := range m.encoders {
		data, err := encode(v)
		if err != nil {
			return fmt.Errorf("encode as %s: %w", m.losses[i].Encoding, err)
		}
		kept, _, err := pixels.Decode(data, pixels.DefaultLimits())
		if err != nil {
			return fmt.Errorf("decode %s: %w", m.losses[i].Encoding, err)
		}
		pix, sizes[i] = append(pix, kept.Pix...), len(data)
	}
	all, err := m.codes(ctx, pix, 1+len(m.encoders))
	if err != nil {
		return err
	}
	n := len(all) / (1 + len(m.encoders))
	for i := range m.losses {
		l := &m.losses[i]
		l.Views++
		l.Bytes += int64(sizes[i])
		l.Codes += n
		for k, code := range all[(i+1)*n : (i+2)*n] {
			if code != all[k] {
				l.Changed++
			}
		}
	}
	return nil
}

// Losses are what was measured, in the order of the names.
func (m *LossMeter) Losses() []Loss { return m.losses }
