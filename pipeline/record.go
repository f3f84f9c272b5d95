package pipeline

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// decodeRecord reads a record and checks that it is one. A large record's views stay where they are: their encoded bytes
// point into value.
func decodeRecord(value []byte) (*Record, error) {
	rec, err := unmarshalRecord(value)
	if err != nil {
		return nil, fmt.Errorf("%w: not a record of a lane: %v", ErrFatal, err)
	}
	switch {
	case rec.Schema != RecordSchema:
		return nil, fmt.Errorf("%w: record of schema %d, this program knows %d", ErrFatal, rec.Schema, RecordSchema)
	case len(rec.Writer) != 16:
		return nil, fmt.Errorf("%w: record without its writer", ErrFatal)
	case rec.GetSample() == nil && rec.GetSkip() == nil:
		return nil, fmt.Errorf("%w: record without sample and without skip", ErrFatal)
	case rec.Seq > 1<<62:
		return nil, fmt.Errorf("%w: record with seq %d", ErrFatal, rec.Seq)
	}
	return rec, nil
}

// largeRecord is the size from which copying a record's views costs more than leaving them in the answer that they came
// in, which then lives as long as one of them does.
const largeRecord = 32 << 10

// unmarshalRecord is proto.Unmarshal, but for the views of large records.
func unmarshalRecord(value []byte) (*Record, error) {
	rec := &Record{}
	if len(value) >= largeRecord && aliasRecord(value, rec) == nil {
		return rec, nil
	}
	rec = &Record{}
	return rec, proto.Unmarshal(value, rec)
}

// errPlain says that bytes are not of the plain form that aliasing knows; protobuf itself then says what they are.
var errPlain = errors.New("not of the plain form")

// The numbers of the fields that lead to an encoded view, in sample.proto.
const (
	fieldSample  = 9
	fieldViews   = 5
	fieldEncoded = 8
)

// aliasRecord takes the encoded views out of a record and has protobuf read what is left. Fields of a message may stand in
// any order and the last of a number counts, so what is taken out of different places may be put together again.
func aliasRecord(value []byte, rec *Record) error {
	var sample []byte
	samples := 0
	rest, err := takeOut(value, fieldSample, func(b []byte) { sample, samples = b, samples+1 })
	if err != nil || samples != 1 {
		return errPlain // two of them would have to be merged
	}
	s := &Sample{}
	var views []*View
	var bad error
	restOfSample, err := takeOut(sample, fieldViews, func(b []byte) {
		v := &View{}
		var encoded []byte
		restOfView, err := takeOut(b, fieldEncoded, func(b []byte) { encoded = b })
		bad = errors.Join(bad, err)
		if bad == nil {
			bad = proto.Unmarshal(restOfView, v)
		}
		v.Encoded = encoded
		views = append(views, v)
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	if err := proto.Unmarshal(restOfSample, s); err != nil {
		return err
	}
	s.Views = views
	if err := proto.Unmarshal(rest, rec); err != nil {
		return err
	}
	if rec.Outcome != nil {
		return errPlain // a skip as well
	}
	rec.Outcome = &Record_Sample{s}
	return nil
}

// takeOut returns a message without the fields of one number, and calls f with the content of each of those.
func takeOut(message []byte, number protowire.Number, f func([]byte)) ([]byte, error) {
	var rest []byte
	for len(message) > 0 {
		n, t, head := protowire.ConsumeTag(message)
		if head < 0 {
			return nil, errPlain
		}
		size := protowire.ConsumeFieldValue(n, t, message[head:])
		if size < 0 {
			return nil, errPlain
		}
		if n == number {
			if t != protowire.BytesType {
				return nil, errPlain
			}
			b, _ := protowire.ConsumeBytes(message[head:])
			f(b[:len(b):len(b)])
		} else {
			rest = append(rest, message[:head+size]...)
		}
		message = message[head+size:]
	}
	return rest, nil
}
