package pipeline

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

var marshal = proto.MarshalOptions{Deterministic: true, UseCachedSize: true}

// encodeRecord appends a record to buf, whose size proto.Size has just been asked for, but for its large views: those
// stay where they are, as decodeRecord leaves them where they came in. Protobuf takes fields in any order, so a view's
// encoded bytes come last in it, and the views last in the sample.
func encodeRecord(buf []byte, rec *Record) (value, []byte, error) {
	from := len(buf)
	if s := rec.GetSample(); s != nil && hasLargeView(s) {
		return encodeApart(buf, rec, s)
	}
	buf, err := marshal.MarshalAppend(buf, rec)
	return value{buf[from:len(buf):len(buf)]}, buf, err
}

// largeView is the size from which a view costs more to copy than to write by itself.
const largeView = maxGather

func hasLargeView(s *Sample) bool {
	for _, v := range s.Views {
		if len(v.Encoded) > largeView {
			return true
		}
	}
	return false
}

func encodeApart(buf []byte, rec *Record, s *Sample) (value, []byte, error) {
	outcome, views := rec.Outcome, s.Views
	rec.Outcome, s.Views = nil, nil
	defer func() { rec.Outcome, s.Views = outcome, views }()

	sizes := make([]int, len(views)) // of each view
	size := proto.Size(s)
	for i, v := range views {
		sizes[i] = proto.Size(v)
		size += protowire.SizeTag(fieldViews) + protowire.SizeBytes(sizes[i])
	}
	var parts value
	from := len(buf)
	buf, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(buf, rec)
	if err != nil {
		return nil, nil, err
	}
	buf = protowire.AppendTag(buf, fieldSample, protowire.BytesType)
	buf = protowire.AppendVarint(buf, uint64(size))
	if buf, err = marshal.MarshalAppend(buf, s); err != nil {
		return nil, nil, err
	}
	for i, v := range views {
		buf = protowire.AppendTag(buf, fieldViews, protowire.BytesType)
		buf = protowire.AppendVarint(buf, uint64(sizes[i]))
		if buf, err = appendView(buf, v); err != nil {
			return nil, nil, err
		}
		if len(v.Encoded) > largeView {
			parts = append(parts, buf[from:len(buf):len(buf)], v.Encoded)
			from = len(buf)
		} else {
			buf = append(buf, v.Encoded...)
		}
	}
	if from < len(buf) {
		parts = append(parts, buf[from:len(buf):len(buf)])
	}
	return parts, buf, nil
}

// appendView appends a view up to its encoded bytes.
func appendView(buf []byte, v *View) ([]byte, error) {
	encoded := v.Encoded
	v.Encoded = nil
	defer func() { v.Encoded = encoded }()
	buf, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(buf, v)
	if err == nil && len(encoded) > 0 {
		buf = protowire.AppendTag(buf, fieldEncoded, protowire.BytesType)
		buf = protowire.AppendVarint(buf, uint64(len(encoded)))
	}
	return buf, err
}
