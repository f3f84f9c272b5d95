package pipeline

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

func testRecord() *Record {
	return &Record{
		Schema: RecordSchema, Line: bytes.Repeat([]byte{1}, 16), Writer: bytes.Repeat([]byte{2}, 16),
		Seq: 7, InputOffset: 9, InputWriter: bytes.Repeat([]byte{3}, 16), EndOfFile: true, Cursor: []byte(`{"row":8}`),
		Outcome: &Record_Sample{&Sample{Id: SampleID("a", "b", "c"), Kind: Kind_TEXT, Parts: []*Part{{Text: "x"}}}},
	}
}

func TestDecodeRecordRefuses(t *testing.T) {
	line := bytes.Repeat([]byte{1}, 16)
	for _, tt := range []struct {
		name   string
		change func(*Record)
		want   string
	}{
		{"as it should be", func(*Record) {}, ""},
		{"other schema", func(r *Record) { r.Schema++ }, "schema 2"},
		{"other line", func(r *Record) { r.Line = bytes.Repeat([]byte{9}, 16) }, "of line 09090909-"},
		{"no writer", func(r *Record) { r.Writer = nil }, "without its writer"},
		{"no outcome", func(r *Record) { r.Outcome = nil }, "without sample"},
		{"seq out of range", func(r *Record) { r.Seq = 1 << 63 }, "seq 9223372036854775808"},
	} {
		r := testRecord()
		tt.change(r)
		v, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = (&laneReader{line: line}).decode(entry{value: v})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// FuzzDecodeRecord: any bytes give a record that can be followed, or an error; and what is accepted encodes again to a
// record that is equal.
func FuzzDecodeRecord(f *testing.F) {
	v, err := proto.Marshal(testRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v)
	f.Add(v[:len(v)/2])
	f.Add(append(bytes.Clone(v), v...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again, err := proto.Marshal(r)
		if err != nil {
			t.Fatalf("encode an accepted record: %v", err)
		}
		r2, err := decodeRecord(again)
		if err != nil || !proto.Equal(r, r2) {
			t.Fatalf("decode(encode(r)) = %v, %v; want %v", r2, err, r)
		}
		it := newItem(&accepted{Record: r, value: data})
		if it.Sample == nil {
			return
		}
		if s, err := it.again(); err != nil || !proto.Equal(s, it.Sample) {
			t.Fatalf("again() = %v, %v; want %v", s, err, it.Sample)
		}
	})
}

// FuzzDecodePosition: what was saved reads back; anything else is no position.
func FuzzDecodePosition(f *testing.F) {
	p := Position{LastSeq: 5, InputOffset: 8, InputWriter: bytes.Repeat([]byte{7}, 16)}
	f.Add(int64(9), encodePosition(p))
	f.Add(int64(-1), "")
	f.Add(int64(3), "seq=-1 writer=")
	f.Fuzz(func(t *testing.T, offset int64, metadata string) {
		p, ok := decodePosition(offset, metadata)
		if !ok {
			return
		}
		if p.LastSeq < 0 || p.InputOffset < 0 || len(p.InputWriter) != 16 {
			t.Fatalf("decodePosition(%d, %q) = %+v", offset, metadata, p)
		}
		if back, ok := decodePosition(p.InputOffset+1, encodePosition(p)); !ok || back.LastSeq != p.LastSeq ||
			back.InputOffset != p.InputOffset || !bytes.Equal(back.InputWriter, p.InputWriter) {
			t.Fatalf("position %+v reads back as %+v, %t", p, back, ok)
		}
	})
}

func TestNearest(t *testing.T) {
	known := []string{"concurrency", "batch", "window", "deadline"}
	for _, tt := range []struct{ name, want string }{
		{"concurency", "concurrency"}, {"Batch", "batch"}, {"windows", "window"}, {"retention", ""}, {"", ""},
	} {
		if got := nearest(tt.name, known); got != tt.want && !(tt.name == "" && got == "") {
			t.Errorf("nearest(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
	if d := editDistance("kitten", "sitting"); d != 3 {
		t.Errorf("editDistance(kitten, sitting) = %d, want 3", d)
	}
}
