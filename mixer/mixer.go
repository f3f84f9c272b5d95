package mixer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"runtime"
	"sync"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// Options say which data a mixer opens.
type Options struct {
	// Through freezes the set of shards: up to these ranges and no further, as a checkpoint's Position has it. nil takes
	// all that is committed.
	Through shards.Through
	// Progress is told of the shards that are indexed; nil for silence.
	Progress func(done, total int64, note string)
}

// Mixer gives the batches of a set of shards.
type Mixer struct {
	config  Config
	folder  shards.Folder
	set     *shards.Set
	text    shards.Textual
	random  [2]int32 // ids that a random replacement is drawn from: [from, to)
	side    int      // S of the views, pixels; 0 if there are none
	index   *index
	orders  map[pipeline.Kind]*order
	readers readers

	mu     sync.Mutex
	digest digest
}

// digest is the rolling hash behind a step.
type digest struct {
	next int64 // step that comes next
	sum  [sha256.Size]byte
}

// noData is an error about a list that is asked for and empty.
type noData struct{ error }

// Hint says what a user can do.
func (noData) Hint() string {
	return "ask for none of that kind (images, texts or pairs 0), hold out less, or run the line on a source that has some"
}

// Open reads the index of a store's shards.
func Open(ctx context.Context, st store.Store, c Config, o Options) (*Mixer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	f, err := shards.Find(ctx, st)
	if err != nil {
		return nil, fmt.Errorf("mixer: %w", err)
	}
	_, _, text, err := f.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("mixer: %w", err)
	}
	set, err := f.Load(ctx, o.Through)
	if err != nil {
		return nil, fmt.Errorf("mixer: %w", err)
	}
	ix, err := readIndex(ctx, f, set, c.Workers, c.HeldOut, o.Progress)
	if err != nil {
		return nil, fmt.Errorf("mixer: read index: %w", err)
	}
	m := &Mixer{config: c, folder: f, set: set, text: text, random: plainIDs(text.Special), index: ix,
		orders: map[pipeline.Kind]*order{}, readers: readers{folder: f, files: map[string]shards.File{}}}
	for _, file := range ix.files {
		m.readers.files[file.Key] = file
	}
	m.side = ix.side
	for _, k := range kinds {
		l := ix.lists[k.kind]
		if m.count(k.kind) > 0 && len(l.train) == 0 {
			return nil, noData{fmt.Errorf("mixer: %d %s a batch are asked for, and %s has none to train on (%d held out)",
				m.count(k.kind), k.plural, f.URL(), len(l.held))}
		}
		m.orders[k.kind] = &order{seed: c.Seed, list: l}
	}
	return m, nil
}

// Close closes the shards.
func (m *Mixer) Close() error { return m.readers.close() }

// Config returns the settings in force.
func (m *Mixer) Config() Config { return m.config }

// Text returns the text tokenizer that the shards' ids come from; zero if there are no texts.
func (m *Mixer) Text() shards.Textual { return m.text }

// Set returns the committed shards that the mixer draws from.
func (m *Mixer) Set() *shards.Set { return m.set }

// Units returns how many units of a kind training draws from, and how many are held out.
func (m *Mixer) Units(k pipeline.Kind) (train, held int) {
	l := m.index.lists[k]
	if l == nil {
		return 0, 0
	}
	return len(l.train), len(l.held)
}

// count is how many rows of a kind a batch has.
func (m *Mixer) count(k pipeline.Kind) int {
	switch k {
	case pipeline.Kind_IMAGE:
		return m.config.Images
	case pipeline.Kind_TEXT:
		return m.config.Texts
	default:
		return m.config.Pairs
	}
}

// Batch names the rows of a step and gives their data as micro-batches, images first, then texts, then pairs. The
// sequence decodes ahead while it is read, and may be left alone or left early. Any step may be asked at any time; the
// digest of one far behind the last asked costs 0.2 ms for each 1,000 rows since step 0, unless Resume gave it.
func (m *Mixer) Batch(ctx context.Context, step int64) (Batch, iter.Seq2[*Micro, error], error) {
	b, err := m.Rows(ctx, step)
	if err != nil {
		return Batch{}, nil, err
	}
	rows := append(append(append(make([]Row, 0, len(b.Image)+len(b.Text)+len(b.Pair)), b.Image...), b.Text...), b.Pair...)
	return b, m.Load(ctx, rows, Masked), nil
}

// Rows names the rows of a step, without their data.
func (m *Mixer) Rows(ctx context.Context, step int64) (Batch, error) {
	most := int64(math.MaxInt64) / int64(max(m.config.Images, m.config.Texts, m.config.Pairs))
	if step < 0 || step >= most {
		return Batch{}, fmt.Errorf("mixer: step %d is out of bounds", step)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.digest.next > step {
		m.digest = digest{}
	}
	d := m.digest
	for d.next < step {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		b := m.rows(d.next)
		d = d.roll(&b)
		m.digest = d
	}
	b := m.rows(step)
	m.digest = d.roll(&b)
	b.Digest = m.digest.sum
	return b, nil
}

func (m *Mixer) rows(step int64) Batch {
	take := func(k pipeline.Kind) []Row {
		n := m.count(k)
		return m.orders[k].take(m.index, step*int64(n), n)
	}
	return Batch{Step: step, Image: take(pipeline.Kind_IMAGE), Text: take(pipeline.Kind_TEXT), Pair: take(pipeline.Kind_PAIR)}
}

// roll extends the digest by a step:
//
//	sum = SHA-256(sum before, 32 bytes, zero at first | step uint64 | images, texts, pairs uint32 | rows)
//	row = kind uint8 | id 16 bytes | view uint32 | part uint32 | epoch uint32
//
// all little-endian. Where a row lies in the shards is not in it.
func (d digest) roll(b *Batch) digest {
	buf := make([]byte, 0, 52+29*(len(b.Image)+len(b.Text)+len(b.Pair)))
	buf = append(buf, d.sum[:]...)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(b.Step))
	for _, rows := range [][]Row{b.Image, b.Text, b.Pair} {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(rows)))
	}
	for _, rows := range [][]Row{b.Image, b.Text, b.Pair} {
		for i := range rows {
			r := &rows[i]
			buf = append(append(buf, byte(r.Kind)), r.ID[:]...)
			buf = binary.LittleEndian.AppendUint32(buf, uint32(r.View))
			buf = binary.LittleEndian.AppendUint32(buf, uint32(r.Part))
			buf = binary.LittleEndian.AppendUint32(buf, uint32(r.Epoch))
		}
	}
	return digest{b.Step + 1, sha256.Sum256(buf)}
}

// HeldOut returns rows of a kind that training never draws, at most n of them (n < 0: all), in the order of their ids;
// of each image or pair view 0. Load gives their data.
func (m *Mixer) HeldOut(k pipeline.Kind, n int) []Row {
	l := m.index.lists[k]
	if l == nil {
		return nil
	}
	if n < 0 || n > len(l.held) {
		n = len(l.held)
	}
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = l.held[i].rowIn(m.index, k, 0)
	}
	return rows
}
