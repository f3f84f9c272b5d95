package pipeline

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
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

// encodeApart leaves the messages as they are: a stage may have put one view into several samples.
func encodeApart(buf []byte, rec *Record, s *Sample) (value, []byte, error) {
	head, rest := allBut(rec, fieldSample), allBut(s, fieldViews)
	size := proto.Size(rest)
	views, sizes := make([]proto.Message, len(s.Views)), make([]int, len(s.Views))
	for i, v := range s.Views {
		views[i] = allBut(v, fieldEncoded)
		sizes[i] = proto.Size(views[i])
		if n := len(v.Encoded); n > 0 {
			sizes[i] += protowire.SizeTag(fieldEncoded) + protowire.SizeBytes(n)
		}
		size += protowire.SizeTag(fieldViews) + protowire.SizeBytes(sizes[i])
	}
	var parts value
	from := len(buf)
	buf, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(buf, head)
	if err != nil {
		return nil, nil, err
	}
	buf = protowire.AppendTag(buf, fieldSample, protowire.BytesType)
	buf = protowire.AppendVarint(buf, uint64(size))
	if buf, err = marshal.MarshalAppend(buf, rest); err != nil {
		return nil, nil, err
	}
	for i, v := range s.Views {
		buf = protowire.AppendTag(buf, fieldViews, protowire.BytesType)
		buf = protowire.AppendVarint(buf, uint64(sizes[i]))
		if buf, err = marshal.MarshalAppend(buf, views[i]); err != nil {
			return nil, nil, err
		}
		if len(v.Encoded) > 0 {
			buf = protowire.AppendTag(buf, fieldEncoded, protowire.BytesType)
			buf = protowire.AppendVarint(buf, uint64(len(v.Encoded)))
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

// allBut is a message that shares all fields of another but one.
func allBut(m proto.Message, number protowire.Number) proto.Message {
	from := m.ProtoReflect()
	to := from.New()
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Number() != number {
			to.Set(f, v)
		}
		return true
	})
	to.SetUnknown(from.GetUnknown())
	return to.Interface()
}
