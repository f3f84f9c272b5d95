package mixer

import (
	"context"
	"fmt"
	"iter"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
)

// Masking says whether Load masks what it gives.
type Masking bool

// Masked rows carry what training has to predict. Unmasked ones have VMask all 0 and Targets all Ignore, for whoever
// masks by other rules.
const (
	Masked   Masking = true
	Unmasked Masking = false
)

// Load gives the data of rows as micro-batches of one kind each, in the order of the rows. Where one ends follows from
// the settings alone. Up to Config.Ahead of them are ready or under way before they are asked for; leaving the sequence
// early ends that work. An error ends the sequence.
func (m *Mixer) Load(ctx context.Context, rows []Row, masking Masking) iter.Seq2[*Micro, error] {
	return func(yield func(*Micro, error) bool) {
		type result struct {
			micro *Micro
			err   error
		}
		ctx, cancel := context.WithCancel(ctx)
		// A slot in the queue is a micro-batch under way or ready, in order; each fills its own channel.
		queue := make(chan chan result, m.config.Ahead-1)
		var all conc.WaitGroup
		defer all.Wait() // runs behind cancel; carries a worker's panic to the caller
		defer cancel()
		all.Go(func() {
			defer close(queue)
			workers := pool.New().WithMaxGoroutines(m.config.Workers)
			defer workers.Wait()
			for len(rows) > 0 {
				n := m.microRows(rows)
				chunk := rows[:n]
				rows = rows[n:]
				slot := make(chan result, 1)
				select {
				case queue <- slot:
				case <-ctx.Done():
					return
				}
				workers.Go(func() {
					defer close(slot)
					micro, err := m.micro(ctx, chunk, masking)
					slot <- result{micro, err}
				})
			}
		})
		for slot := range queue {
			r, ok := <-slot
			if !ok {
				return // its worker panicked, which Wait carries on
			}
			if r.err == nil && ctx.Err() != nil {
				r.err = ctx.Err()
			}
			if !yield(r.micro, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// microRows is how many of the rows the next micro-batch takes: those of one kind, within the bounds of rows and bytes.
func (m *Mixer) microRows(rows []Row) int {
	n := 1
	for n < len(rows) && n < m.config.MicroRows && rows[n].Kind == rows[0].Kind {
		n++
	}
	var perRow int64
	if k := rows[0].Kind; k != pipeline.Kind_IMAGE {
		pieces := m.config.TextPieces
		if k == pipeline.Kind_PAIR {
			pieces = m.config.PairPieces
		}
		perRow += 8 * int64(pieces) // ids and targets
	}
	if rows[0].Kind != pipeline.Kind_TEXT {
		perRow += 3 * int64(m.side) * int64(m.side)
	}
	return max(1, min(n, int(m.config.MicroBytes/max(1, perRow))))
}

// rowError says which row it was, so that it can be found in the shards.
func rowError(r *Row, err error) error {
	return damaged{fmt.Errorf("mixer: %s row %d (id %x): %w", r.Shard, r.Row, r.ID, err)}
}

type damaged struct{ error }

func (d damaged) Unwrap() error { return d.error }

// Hint says what a user can do.
func (damaged) Hint() string { return "imglish shards verify names all that is damaged and what to do" }

// micro reads, decodes and masks the rows of one micro-batch.
func (m *Mixer) micro(ctx context.Context, rows []Row, masking Masking) (*Micro, error) {
	mi := &Micro{Kind: rows[0].Kind, N: len(rows), Rows: rows}
	if mi.Kind != pipeline.Kind_IMAGE {
		mi.CuSeqlens = append(make([]int32, 0, len(rows)+1), 0)
	}
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &rows[i]
		data, meta, err := m.readers.read(ctx, r)
		if err != nil {
			return nil, rowError(r, err)
		}
		if mi.Kind != pipeline.Kind_TEXT {
			if i == 0 {
				mi.S, mi.G = meta.Side, meta.Grid
				mi.Pixels = make([]uint8, 0, 3*mi.S*mi.S*len(rows))
				mi.VMask = make([]uint8, 0, mi.G*mi.G*len(rows))
				if meta.Visual.Fingerprint != "" {
					mi.Codes = make([]uint16, 0, mi.G*mi.G*len(rows))
				}
			}
			if err := m.addView(mi, r, data, meta.Side, meta.Grid, masking); err != nil {
				return nil, rowError(r, err)
			}
		}
		if mi.Kind != pipeline.Kind_IMAGE {
			if err := m.addText(mi, r, data.IDs, masking); err != nil {
				return nil, rowError(r, err)
			}
		}
	}
	return mi, nil
}

func (m *Mixer) addView(mi *Micro, r *Row, data *rowData, side, grid int, masking Masking) error {
	if side != mi.S || grid != mi.G {
		return fmt.Errorf("its view has side %d and grid %d, others of the batch %d and %d", side, grid, mi.S, mi.G)
	}
	im, _, err := pixels.Decode(data.Encoded, pixels.Limits{MaxPixels: int64(side) * int64(side)})
	if err != nil {
		return fmt.Errorf("decode view: %w", err)
	}
	if im.W != side || im.H != side {
		return fmt.Errorf("its view is %d×%d, want a side of %d", im.W, im.H, side)
	}
	if want := grid * grid; mi.Codes != nil && len(data.Codes) != want || mi.Codes == nil && len(data.Codes) != 0 {
		return fmt.Errorf("%d codes for a grid of %d×%d", len(data.Codes), grid, grid)
	}
	mi.Pixels = append(mi.Pixels, im.Pix...)
	if mi.Codes != nil {
		mi.Codes = append(mi.Codes, data.Codes...)
	}
	if masking == Masked {
		mi.VMask = append(mi.VMask, m.visionMask(r, grid)...)
	} else {
		mi.VMask = append(mi.VMask, make([]uint8, grid*grid)...)
	}
	return nil
}

func (m *Mixer) addText(mi *Micro, r *Row, ids []int32, masking Masking) error {
	s := m.text.Special
	if m.text.Fingerprint == "" {
		return fmt.Errorf("the shards name no text tokenizer, so bos and eos are unknown")
	}
	for _, id := range ids {
		if id < 0 || int(id) >= s.Vocab {
			return fmt.Errorf("id %d, the tokenizer has %d", id, s.Vocab)
		}
	}
	pieces, share := m.config.TextPieces, m.config.TextMask
	if mi.Kind == pipeline.Kind_PAIR {
		pieces, share = m.config.PairPieces, m.config.PairTextMask
	}
	ids = ids[:min(len(ids), pieces-2)]
	from := len(mi.InputIDs)
	mi.InputIDs = append(mi.InputIDs, s.BOS)
	mi.InputIDs = append(mi.InputIDs, ids...)
	mi.InputIDs = append(mi.InputIDs, s.EOS)
	for range len(ids) + 2 {
		mi.Targets = append(mi.Targets, Ignore)
	}
	mi.CuSeqlens = append(mi.CuSeqlens, int32(len(mi.InputIDs)))
	if masking == Masked {
		m.maskText(r, mi.InputIDs[from:], mi.Targets[from:], share)
	}
	return nil
}
