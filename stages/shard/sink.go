package shard

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// Tokenizers says which tokenizers the codes and ids of this run come from. A zero one is not used: views then carry no
// codes, or parts no ids.
type Tokenizers struct {
	Visual shards.Visual
	Text   shards.Textual
}

// Sink writes ranges of lanes into a store.
type Sink struct {
	config Config
	folder shards.Folder
	visual shards.Visual
	text   shards.Textual
	bytes  int64  // of samples a range, 0 for no limit
	writer string // random id of this process's sink, hex

	mu    sync.Mutex
	lanes map[int]*lane
	wrote bool // a commit was made, so the manifest is behind
}

// lane is the state of one lane; only the goroutine that appends to it uses it.
type lane struct {
	durable  pipeline.Position
	voids    replay.Voids // of a lane of replay
	bytes    int64        // of samples a range, as the line was begun with
	building *building
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink that writes to a store. rangeBytes is how many bytes of samples (proto.Size) may be open in a lane,
// 0 for any number; see pipeline.Env.
func New(st store.Store, c Config, t Tokenizers, rangeBytes int64) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	if v := t.Visual; v.Fingerprint != "" && (v.Grid < 1 || v.Grid > shards.MaxGrid || v.Side < v.Grid || v.Side > shards.MaxSide || v.Codes < 1 || v.Codes > 1<<16) {
		return nil, fmt.Errorf("shard: visual tokenizer %+v: grid, side or codes out of bounds", v)
	}
	if t.Text.Fingerprint != "" && t.Text.Special.Vocab < 1 {
		return nil, fmt.Errorf("shard: text tokenizer %+v has no ids", t.Text)
	}
	var id [16]byte
	rand.Read(id[:])
	return &Sink{config: c, folder: shards.In(st), visual: t.Visual, text: t.Text, bytes: rangeBytes,
		writer: hex.EncodeToString(id[:]), lanes: map[int]*lane{}}, nil
}

// Resume says where a lane goes on, from its commits. It forgets what was buffered. The first call in a new folder
// writes down the line, the length of ranges and the tokenizers; a later one that differs gets an error that wraps
// pipeline.ErrFatal.
func (s *Sink) Resume(ctx context.Context, l pipeline.Lane) (pipeline.Position, error) {
	s.Drop(l)
	nowhere := pipeline.Position{LastSeq: -1, InputOffset: -1}
	bytes, err := s.folder.Pin(ctx, shards.Line{Line: l.Line, Range: s.config.Range, Bytes: s.bytes}, s.visual, s.text)
	if errors.Is(err, shards.ErrMismatch) {
		return nowhere, fmt.Errorf("shard: %w: %w", err, pipeline.ErrFatal)
	}
	if err != nil {
		return nowhere, fmt.Errorf("shard: begin lane %d: %w", l.Number, err)
	}
	last, err := s.folder.Last(ctx, l.Number)
	if err != nil {
		return nowhere, fmt.Errorf("shard: resume lane %d: %w", l.Number, err)
	}
	at := nowhere
	if last != nil {
		if last.Line != l.Line || last.Source != l.Source {
			return nowhere, fmt.Errorf("shard: lane %d is of line %s and source %s, its commits are of %s and %s: %w: %w",
				l.Number, l.Line, l.Source, last.Line, last.Source, shards.ErrMismatch, pipeline.ErrFatal)
		}
		if at, err = position(last); err != nil {
			return nowhere, fmt.Errorf("shard: resume lane %d: %w", l.Number, err)
		}
	}
	state := &lane{durable: at, bytes: bytes}
	if l.Source == replay.Source {
		if state.voids, err = replay.Open(s.folder.Store).Voids(ctx); err != nil {
			return nowhere, fmt.Errorf("shard: begin lane %d: %w", l.Number, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes[l.Number] = state
	return at, nil
}

func position(c *shards.Commit) (pipeline.Position, error) {
	w, err := hex.DecodeString(c.InputWriter)
	return pipeline.Position{LastSeq: int64(c.To), InputOffset: c.InputOffset, InputWriter: w}, err
}

// Append takes outcomes of consecutive seq. On an error what was buffered of the lane is forgotten; go on with Resume.
func (s *Sink) Append(ctx context.Context, l pipeline.Lane, in []pipeline.Outcome) (pipeline.Position, error) {
	s.mu.Lock()
	state := s.lanes[l.Number]
	s.mu.Unlock()
	if state == nil {
		if _, err := s.Resume(ctx, l); err != nil {
			return pipeline.Position{LastSeq: -1, InputOffset: -1}, err
		}
		s.mu.Lock()
		state = s.lanes[l.Number]
		s.mu.Unlock()
	}
	for _, o := range in {
		if err := s.append(ctx, l, state, o); err != nil {
			s.Drop(l)
			return state.durable, fmt.Errorf("shard: lane %d, seq %d: %w", l.Number, o.Seq, err)
		}
	}
	return state.durable, nil
}

func (s *Sink) append(ctx context.Context, l pipeline.Lane, state *lane, o pipeline.Outcome) error {
	if int64(o.Seq) <= state.durable.LastSeq {
		return nil
	}
	if state.building == nil {
		state.building = s.begin(uint64(state.durable.LastSeq + 1))
	}
	b := state.building
	if o.Seq != b.next {
		return fmt.Errorf("seq %d comes next: the outcomes of a lane are not in order", b.next)
	}
	if state.voids.Marked(o.Sample) {
		// Its skip is made again, by the lane that it was made in; as a sample here it would be there twice.
		x := o.Sample
		o.Result = pipeline.Drop(replay.DoneAgain, "the line was reset")
		o.Skip.Stage, o.Skip.Id, o.Skip.Kind, o.Skip.Source = "shard", x.Id, x.Kind, x.Source
	}
	if err := b.add(o); err != nil {
		return err
	}
	if !o.EndOfFile && b.next-b.from < uint64(s.config.Range) && (state.bytes == 0 || b.bytes <= state.bytes) {
		return nil
	}
	at, err := s.commit(ctx, l, b, o)
	if err != nil {
		return err
	}
	state.durable, state.building = at, nil
	return b.drop()
}

// commit writes a closed range. o is its last outcome.
func (s *Sink) commit(ctx context.Context, l pipeline.Lane, b *building, o pipeline.Outcome) (pipeline.Position, error) {
	files, err := b.close(ctx, l.Number)
	if err != nil {
		return pipeline.Position{}, err
	}
	stands, won, err := s.folder.Commit(ctx, shards.Commit{
		Line: l.Line, Source: l.Source, Lane: l.Number, From: b.from, To: b.next - 1, Files: files, Skips: b.skips,
		InputOffset: o.InputOffset, InputWriter: hex.EncodeToString(o.InputWriter), Writer: s.writer,
	})
	if err != nil {
		return pipeline.Position{}, err
	}
	if won {
		s.mu.Lock()
		s.wrote = true
		s.mu.Unlock()
	} else if stands.Line != l.Line {
		// Another writer of this line may have been first: then its files count. Another line may not.
		return pipeline.Position{}, fmt.Errorf("%s is of line %s: %w: %w", stands.Key(), stands.Line, shards.ErrMismatch, pipeline.ErrFatal)
	}
	// The same range ends with the same record, whoever was first; where that lies in the log is known here.
	return pipeline.Position{LastSeq: int64(stands.To), InputOffset: o.InputOffset, InputWriter: o.InputWriter}, nil
}

// Drop forgets what is buffered of a lane.
func (s *Sink) Drop(l pipeline.Lane) {
	s.mu.Lock()
	state := s.lanes[l.Number]
	delete(s.lanes, l.Number)
	s.mu.Unlock()
	if state != nil && state.building != nil {
		state.building.drop()
	}
}

// Close forgets what is buffered and brings the manifest up to date.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.lanes {
		if state.building != nil {
			state.building.drop()
		}
	}
	clear(s.lanes)
	if !s.wrote {
		return nil
	}
	s.wrote = false
	if _, err := s.folder.WriteManifest(context.Background()); err != nil {
		return fmt.Errorf("shard: write manifest: %w", err)
	}
	return nil
}
