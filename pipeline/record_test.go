package pipeline

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
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

// TestLargeRecord: what is left in place is what protobuf would have copied, in any order of the fields, and points into
// the record; what is not plain is read by protobuf alone.
func TestLargeRecord(t *testing.T) {
	r := testRecord()
	big := bytes.Repeat([]byte("view"), largeRecord/4)
	r.GetSample().Views = []*View{
		{Number: 1, Left: 2, Jitter: []float32{1, 2}, Encoded: big, Encoding: "jpeg", Side: 224, Codes: []byte{1, 2}},
		{Number: 2},
		{Number: 3, Encoded: big[:1]},
	}
	r.GetSample().History = []*Step{{Stage: "a", Version: "1"}, {Stage: "b"}}
	plain, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	field := func(n protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
	}
	sampleAt := len(plain) - proto.Size(r.GetSample())
	skip, _ := proto.Marshal(&Skip{Stage: "x"})
	for _, tt := range []struct {
		name    string
		value   []byte
		aliased bool
	}{
		{"as it is written", plain, true},
		{"with unknown fields", append(bytes.Clone(plain), field(99, []byte("new"))...), true},
		{"with fields behind the sample", append(bytes.Clone(plain), protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 8)...), true},
		{"a view twice encoded", append(bytes.Clone(plain[:0:0]), field(fieldSample, field(fieldViews, append(field(fieldEncoded, big), field(fieldEncoded, []byte("last"))...)))...), true},
		{"two samples, which are merged", append(bytes.Clone(plain), field(fieldSample, plain[sampleAt:])...), false},
		{"a skip as well", append(bytes.Clone(plain), field(10, skip)...), false},
		{"cut", plain[:len(plain)-1], false},
		{"a sample that is a number", protowire.AppendVarint(protowire.AppendTag(bytes.Clone(plain), fieldSample, protowire.VarintType), 1), false},
		{"text that is no UTF-8", append(bytes.Clone(plain[:0:0]), field(fieldSample, field(fieldViews, append(field(fieldEncoded, big), field(9, []byte{0xff})...)))...), false},
	} {
		want, got := &Record{}, &Record{}
		wantErr, err := proto.Unmarshal(tt.value, want), aliasRecord(tt.value, got)
		if (err == nil) != tt.aliased {
			t.Errorf("%s: aliased: %v, want %t", tt.name, err, tt.aliased)
		}
		if err == nil && (wantErr != nil || !proto.Equal(got, want)) {
			t.Errorf("%s: another record than protobuf's (%v)", tt.name, wantErr)
		}
		both, err := unmarshalRecord(tt.value)
		if (err == nil) != (wantErr == nil) || err == nil && !proto.Equal(both, want) {
			t.Errorf("%s: %v, protobuf says %v", tt.name, err, wantErr)
		}
	}
	rec, err := decodeRecord(plain)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(plain, big)
	if &rec.GetSample().Views[0].Encoded[0] != &plain[at] {
		t.Error("the encoded view of a large record was copied")
	}
	if &rec.Writer[0] == &plain[bytes.Index(plain, rec.Writer)] {
		t.Error("the writer's id points into the record, and would keep it in memory")
	}
}

// FuzzLargeRecord: bytes that aliasing takes are a record to protobuf, and the same one.
func FuzzLargeRecord(f *testing.F) {
	r := testRecord()
	r.GetSample().Views = []*View{{Number: 1, Encoded: []byte("view"), Side: 224}}
	v, err := proto.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v)
	f.Add(v[:len(v)-2])
	f.Fuzz(func(t *testing.T, data []byte) {
		got, want := &Record{}, &Record{}
		if aliasRecord(data, got) != nil {
			return
		}
		if err := proto.Unmarshal(data, want); err != nil || !proto.Equal(got, want) {
			t.Errorf("protobuf says %v, %v; aliased %v", want, err, got)
		}
		size := proto.Size(want)
		v, _, err := encodeApart(nil, got, got.GetSample())
		if err != nil {
			t.Fatalf("encode apart: %v", err)
		}
		again := &Record{}
		if err := proto.Unmarshal(bytes.Join(v, nil), again); err != nil || !proto.Equal(again, want) || v.size() != size {
			t.Errorf("encoded apart, in %d bytes, it is %v (%v); want %v in %d", v.size(), again, err, want, size)
		}
		if !proto.Equal(got, want) {
			t.Errorf("encoding has changed it to %v from %v", got, want)
		}
	})
}

// TestEncodeRecord: the parts of a record together are the record, in as many bytes as protobuf says; large views are
// parts as they lie in memory; and the memory in front of it is left alone.
func TestEncodeRecord(t *testing.T) {
	large, small := bytes.Repeat([]byte("v"), largeView+1), bytes.Repeat([]byte("w"), largeView)
	view := func(encoded []byte) *View { return &View{Number: 3, Encoded: encoded, Side: 224, Codes: []byte{1, 2}} }
	for _, tt := range []struct {
		name  string
		views []*View
		parts int
	}{
		{"no view", nil, 1},
		{"small ones", []*View{view(small), {}}, 1},
		{"a large one", []*View{view(large)}, 2},
		{"a large one between others", []*View{view(small), view(large), {}, view(small)}, 3},
		{"two large ones", []*View{view(large), view(large)}, 4},
	} {
		r := testRecord()
		r.GetSample().Views = tt.views
		want, size := proto.Clone(r), proto.Size(r)
		before := []byte("before")
		v, buf, err := encodeRecord(before, r)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got := &Record{}
		if err := proto.Unmarshal(bytes.Join(v, nil), got); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: reads back as %v (%v), want %v", tt.name, got, err, want)
		}
		if !proto.Equal(r, want) {
			t.Errorf("%s: encoding has changed the record", tt.name)
		}
		if len(v) != tt.parts || v.size() != size {
			t.Errorf("%s: %d parts of %d bytes, want %d of %d", tt.name, len(v), v.size(), tt.parts, size)
		}
		for i := 1; i < len(v); i += 2 {
			if &v[i][0] != &large[0] {
				t.Errorf("%s: part %d is a copy of the large view", tt.name, i)
			}
		}
		if !bytes.HasPrefix(buf, []byte("before")) {
			t.Errorf("%s: what stood in the buffer is gone", tt.name)
		}
	}
	// The same view in two samples, encoded at once by two lanes: for the race detector.
	shared := view(large)
	var wg sync.WaitGroup
	for range 2 {
		r := testRecord()
		r.GetSample().Views = []*View{shared}
		wg.Go(func() {
			proto.Size(r)
			if v, _, err := encodeRecord(nil, r); err != nil || len(v) != 2 {
				t.Errorf("a shared view: %d parts, %v", len(v), err)
			}
		})
	}
	wg.Wait()
}
