package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAgainstKfake sends the same random requests to the broker and to kfake with all of its own work: their answers must
// be the same, also behind restarts.
func TestAgainstKfake(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	dir := t.TempDir()
	b := start(t, dir, nil)
	ours, theirs := dial(t, b.Address()), dial(t, plain.ListenAddrs()[0])
	settings := map[string]string{"segment.bytes": "20000", "max.message.bytes": "9000"}
	ours.create("x", 3, settings)
	theirs.create("x", 3, settings)
	ends := [3]int64{}
	for step := range 1500 {
		partition := int32(r.IntN(4)) // one of which is not there
		switch k := r.IntN(10); {
		case k == 0 && step%10 == 0:
			b.closeOnce()
			b = start(t, dir, nil)
			ours = dial(t, b.Address())
		case k < 4:
			var values [][]byte
			for range 1 + r.IntN(5) {
				values = append(values, bytes.Repeat([]byte{byte(step)}, r.IntN(3000)))
			}
			batch := batchOf(values...)
			got, gotErr := ours.produce("x", partition, batch)
			want, wantErr := theirs.produce("x", partition, batch)
			if got != want && wantErr == nil || !errors.Is(gotErr, wantErr) {
				t.Fatalf("step %d: produce %d bytes: %d, %v, want %d, %v", step, len(batch), got, gotErr, want, wantErr)
			}
			if wantErr == nil {
				ends[partition] = want + int64(len(values))
			}
		default:
			offset := int64(0)
			if partition < 3 {
				offset = r.Int64N(ends[partition]+3) - 1
			}
			limit := int32(r.IntN(60000))
			got, want := ours.fetch("x", partition, offset, limit, 0), theirs.fetch("x", partition, offset, limit, 0)
			if !errors.Is(got.err, want.err) || !bytes.Equal(got.bytes, want.bytes) || want.err == nil && got.end != want.end {
				t.Fatalf("step %d: fetch %d bytes at %d/%d: %d bytes, end %d, %v, want %d bytes, end %d, %v",
					step, limit, partition, offset, len(got.bytes), got.end, got.err, len(want.bytes), want.end, want.err)
			}
		}
		if partition < 3 {
			a, z := ours.ends("x", partition)
			if wantA, wantZ := theirs.ends("x", partition); a != wantA || z != wantZ {
				t.Fatalf("step %d: ends %d and %d, want %d and %d", step, a, z, wantA, wantZ)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	c := dial(t, b.Address())
	c.create("x", 1, map[string]string{"max.message.bytes": "2000"})
	good := batchOf([]byte("value"))
	changed := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return seal(b)
	}
	damaged := bytes.Clone(good)
	damaged[len(damaged)-2] ^= 1
	for _, tt := range []struct {
		name    string
		topic   string
		records []byte
		want    *kerr.Error
	}{
		{"no such topic", "y", good, kerr.UnknownTopicOrPartition},
		{"too large", "x", batchOf(make([]byte, 2000)), kerr.MessageTooLarge},
		{"a damaged record", "x", damaged, kerr.CorruptMessage},
		{"cut off", "x", good[:len(good)-1], kerr.CorruptMessage},
		{"nothing", "x", nil, kerr.CorruptMessage},
		{"two batches", "x", append(bytes.Clone(good), good...), kerr.CorruptMessage},
		{"an old format", "x", changed(atFormat, 1), kerr.CorruptMessage},
		{"a wrong count", "x", changed(atCount+3, 2), kerr.CorruptMessage},
		{"no records", "x", seal(binary.BigEndian.AppendUint32(bytes.Clone(good[:headerSize-4]), 0)), kerr.CorruptMessage},
		{"a mark of a transaction", "x", changed(atAttributes+1, 1<<5), kerr.InvalidRecord},
		{"an idempotent producer", "x", changed(atProducer, 0), kerr.InvalidRecord},
	} {
		if base, err := c.produce(tt.topic, 0, tt.records); !errors.Is(err, tt.want) {
			t.Errorf("%s: written at %d, %v, want %v", tt.name, base, err, tt.want)
		}
	}
	if _, end := c.ends("x", 0); end != 0 {
		t.Errorf("the log ends at %d, although all was refused", end)
	}
	if base, err := c.produce("x", 0, good); err != nil || base != 0 {
		t.Errorf("behind them: %d, %v", base, err)
	}
}

// TestGarbage: what is no request ends its connection and nothing else.
func TestGarbage(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	c := dial(t, b.Address())
	c.create("x", 1, nil)
	tooNew := produceRequest("x", 0, batchOf([]byte("v")))
	tooNew.Version = 9
	for _, frame := range [][]byte{
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
		{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8, 0, 0, 0, 1},
		{0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 1, 2},
		kmsg.NewRequestFormatter().AppendRequest(nil, tooNew, 1),
	} {
		bad := dial(t, b.Address())
		if _, err := bad.conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		_ = bad.conn.SetReadDeadline(time.Now().Add(hangs))
		if n, err := bad.conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %d bytes, %v, want an end", frame, n, err)
		}
	}
	if _, err := c.produce("x", 0, batchOf([]byte("v"))); err != nil {
		t.Error(err)
	}
}

func TestExpire(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, (*os.File).Sync)
	c := dial(t, b.Address())
	c.create("x", 1, map[string]string{"segment.bytes": "3000", "retention.bytes": "10000"})
	for range 50 {
		if _, err := c.produce("x", 0, batchOf(make([]byte, 900))); err != nil {
			t.Fatal(err)
		}
	}
	b.Expire()
	first, end := c.ends("x", 0)
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, recordsFolder, "*", "0", "*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if end != 50 || size < 10000 || size > 13000 {
		t.Errorf("records %d to %d in %d bytes, want up to 50 in 10000 bytes and up to a segment more", first, end, size)
	}
	if got := c.fetch("x", 0, first-1, 1<<20, 0); !errors.Is(got.err, kerr.OffsetOutOfRange) {
		t.Errorf("in front of the log: %v, want %v", got.err, kerr.OffsetOutOfRange)
	}
	if got := c.fetch("x", 0, first, 1<<20, 0); got.err != nil || int64(len(split(got.bytes))) != end-first {
		t.Errorf("the whole log: %d batches, %v, want %d", len(split(got.bytes)), got.err, end-first)
	}
	b.closeOnce()
	c = dial(t, start(t, dir, nil).Address())
	if a, z := c.ends("x", 0); a != first || z != end {
		t.Errorf("behind a restart: %d to %d, want %d to %d", a, z, first, end)
	}
}

// TestTopicMadeAgain: a topic that has gone takes its records along, also if the broker ends in between.
func TestTopicMadeAgain(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, nil)
	c := dial(t, b.Address())
	for round := range 4 {
		c.create("x", 1, nil)
		if _, end := c.ends("x", 0); end != 0 {
			t.Fatalf("round %d: a new topic ends at %d", round, end)
		}
		if _, err := c.produce("x", 0, batchOf([]byte("v"))); err != nil {
			t.Fatal(err)
		}
		folders, _ := filepath.Glob(filepath.Join(dir, recordsFolder, "*"))
		if len(folders) != 1 {
			t.Errorf("round %d: records of %d topics, want 1", round, len(folders))
		}
		if round == 2 { // a folder that was left behind
			if err := os.Rename(folders[0], folders[0][:len(folders[0])-1]+"?"); err != nil {
				t.Fatal(err)
			}
		}
		if round > 0 {
			b.closeOnce()
			b = start(t, dir, nil)
			c = dial(t, b.Address())
		}
		c.delete("x")
	}
}

// TestFetchWaits: a reader at the end is woken by the next record.
func TestFetchWaits(t *testing.T) {
	b := start(t, t.TempDir(), (*os.File).Sync)
	c := dial(t, b.Address())
	c.create("x", 1, nil)
	reader := dial(t, b.Address())
	got := make(chan fetched)
	go func() { got <- reader.fetch("x", 0, 0, 1<<20, hangs/2) }()
	time.Sleep(20 * time.Millisecond)
	if _, err := c.produce("x", 0, batchOf([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	if f := <-got; f.err != nil || len(split(f.bytes)) != 1 {
		t.Errorf("woken with %d bytes, %v, want a batch", len(f.bytes), f.err)
	}
	// And Close does not wait for those who wait.
	go func() { _, _ = reader.try(kmsg.NewPtrFetchRequest()) }()
	go func() { got <- fetched{} }()
	<-got
	b.closeOnce()
}
