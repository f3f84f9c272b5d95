package shard

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// building is the range of a lane that is not closed yet: one unfinished file a kind.
type building struct {
	sink *Sink
	from uint64
	next uint64 // seq that comes next

	bytes   int64 // of its samples, as the log holds them
	image   *shards.Writer[shards.ImageRow]
	text    *shards.Writer[shards.TextRow]
	pair    *shards.Writer[shards.PairRow]
	dropped *shards.Writer[shards.DroppedRow]
	skips   map[string]int
}

func (s *Sink) begin(from uint64) *building {
	return &building{sink: s, from: from, next: from, skips: map[string]int{}}
}

// add takes the outcome of seq b.next. A sample that no shard can hold means that the graph or a tokenizer is not what
// the shards were set up for: no retry mends it, so the error wraps pipeline.ErrFatal.
func (b *building) add(o pipeline.Outcome) error {
	var err error
	switch {
	case o.Skip != nil:
		err = b.addSkip(o.Seq, o.Skip)
	case o.Sample != nil:
		err = b.addSample(o.Seq, o.Sample)
		b.bytes += int64(proto.Size(o.Sample))
	default:
		err = bad("the record holds neither a sample nor a skip")
	}
	b.next++
	return err
}

// bad is an error of content, in contrast to one of the disk.
func bad(format string, args ...any) error {
	return &contentError{fmt.Errorf(format+": %w", append(args, pipeline.ErrFatal)...)}
}

type contentError struct{ error }

func (e *contentError) Unwrap() error { return e.error }

// Hint says what a user can do.
func (e *contentError) Hint() string {
	return "look at the graph with imglish plan: each stage that fills a sample has to stand before shard, with the tokenizers that the shards were begun with"
}

func (b *building) addSkip(seq uint64, s *pipeline.Skip) error {
	row, err := dropped(seq, s)
	if err != nil {
		return bad("skip: %w", err)
	}
	if b.dropped, err = writer(b, b.dropped, shards.Meta{Kind: shards.Dropped}); err != nil {
		return err
	}
	b.skips[s.GetStage()+"/"+s.GetReason()]++
	return b.dropped.Write(int64(seq), row)
}

func (b *building) addSample(seq uint64, s *pipeline.Sample) error {
	o, err := origin(seq, s.GetId(), s.GetSource())
	if err != nil {
		return bad("%v", err)
	}
	views, parts := s.GetKind() != pipeline.Kind_TEXT, s.GetKind() != pipeline.Kind_IMAGE
	if views && len(s.Views) == 0 {
		return bad("%v sample without views", s.GetKind())
	}
	if parts && len(s.Parts) == 0 {
		return bad("%v sample without parts", s.GetKind())
	}
	switch s.GetKind() {
	case pipeline.Kind_IMAGE:
		if b.image, err = writer(b, b.image, b.sink.viewMeta(shards.Image, s)); err != nil {
			return err
		}
		rows := make([]shards.ImageRow, len(s.Views))
		for n := range rows {
			rows[n].Origin = o
			if rows[n].View, err = view(s, n, b.image.Meta()); err != nil {
				return bad("%v", err)
			}
		}
		return b.image.Write(int64(seq), rows...)
	case pipeline.Kind_TEXT:
		if b.text, err = writer(b, b.text, shards.Meta{Kind: shards.Text, Text: b.sink.text}); err != nil {
			return err
		}
		rows := make([]shards.TextRow, len(s.Parts))
		for n := range rows {
			rows[n].Origin = o
			if rows[n].Part, err = part(s, n, b.text.Meta()); err != nil {
				return bad("%v", err)
			}
		}
		return b.text.Write(int64(seq), rows...)
	case pipeline.Kind_PAIR:
		if len(s.Parts) != 1 {
			return bad("pair with %d texts, want 1", len(s.Parts))
		}
		meta := b.sink.viewMeta(shards.Pair, s)
		meta.Text = b.sink.text
		if b.pair, err = writer(b, b.pair, meta); err != nil {
			return err
		}
		rows := make([]shards.PairRow, len(s.Views))
		for n := range rows {
			rows[n].Origin = o
			if rows[n].View, err = view(s, n, b.pair.Meta()); err != nil {
				return bad("%v", err)
			}
			if rows[n].Part, err = part(s, 0, b.pair.Meta()); err != nil {
				return bad("%v", err)
			}
		}
		return b.pair.Write(int64(seq), rows...)
	}
	return bad("sample of kind %v", s.GetKind())
}

// viewMeta is the metadata of a file that begins with this sample's views.
func (s *Sink) viewMeta(kind shards.Kind, sample *pipeline.Sample) shards.Meta {
	v := sample.Views[0]
	return shards.Meta{Kind: kind, Visual: s.visual, Grid: int(v.GetGrid()), Side: int(v.GetSide()), Encoding: v.GetEncoding()}
}

// writer returns w, or begins a file if there is none yet.
func writer[T shards.ImageRow | shards.TextRow | shards.PairRow | shards.DroppedRow](
	b *building, w *shards.Writer[T], meta shards.Meta) (*shards.Writer[T], error) {
	if w != nil {
		return w, nil
	}
	return shards.NewWriter[T](b.sink.config.Scratch, b.sink.config.RowGroup, meta)
}

// finisher is a Writer of any kind.
type finisher interface {
	Finish(lane int, from, to uint64) (shards.File, error)
	Content() io.Reader
	Close() error
}

// files lists the unfinished files in the order in which a commit names them.
func (b *building) files() (list []finisher) {
	if b.image != nil {
		list = append(list, b.image)
	}
	if b.text != nil {
		list = append(list, b.text)
	}
	if b.pair != nil {
		list = append(list, b.pair)
	}
	if b.dropped != nil {
		list = append(list, b.dropped)
	}
	return list
}

// close writes the range's files to the store. They do not count before the commit.
func (b *building) close(ctx context.Context, lane int) (files []shards.File, err error) {
	for _, w := range b.files() {
		file, err := w.Finish(lane, b.from, b.next-1)
		if err == nil {
			err = b.sink.folder.Put(ctx, file, w.Content())
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// drop gives the scratch space back.
func (b *building) drop() error {
	var errs []error
	for _, w := range b.files() {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}
