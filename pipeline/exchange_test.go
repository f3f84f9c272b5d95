package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// exchangeLog is a log on a broker of this test, with one topic.
func exchangeLog(t testing.TB) *kafkaLog {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "x"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	k := &kafkaLog{client: &kafka.Client{Addr: kafka.TCP(c.ListenAddrs()...), Transport: transport}, answer: &atomic.Int64{}}
	k.answer.Store(maxFetch)
	return k
}

func testValues(r *rand.Rand) [][]byte {
	out := make([][]byte, 1+r.IntN(20))
	for i := range out {
		size := []int{0, 1, 100, maxGather - 1, maxGather, maxGather + 1, 150 << 10}[r.IntN(7)]
		out[i] = bytes.Repeat([]byte{byte(r.IntN(256)), byte(i)}, size/2+1)[:size]
	}
	return out
}

// whole makes values of one part each.
func whole(values ...[]byte) []value {
	out := make([]value, len(values))
	for i, v := range values {
		out[i] = value{v}
	}
	return out
}

// cut makes values of several parts each.
func cut(r *rand.Rand, values [][]byte) []value {
	out := whole(values...)
	for i, v := range values {
		if len(v) > 0 {
			a := r.IntN(len(v))
			b := a + r.IntN(len(v)-a)
			out[i] = value{v[:a], v[a:b], v[b:]}
		}
	}
	return out
}

// TestExchange writes and reads by our form and by kafka-go's, crosswise: whatever one has written both read alike.
func TestExchange(t *testing.T) {
	k, r, ctx := exchangeLog(t), rand.New(rand.NewPCG(1, 2)), t.Context()
	var want []entry
	for round := range 40 {
		values, codec := testValues(r), kafka.Compression(r.IntN(5))
		var base int64
		var err error
		if round%2 == 0 {
			base, err = k.produceRecords(ctx, "x", 0, cut(r, values), codec)
		} else {
			base, err = produceByLibrary(ctx, k, values, codec)
		}
		if err != nil {
			t.Fatalf("round %d, codec %v: %v", round, codec, err)
		}
		if base != int64(len(want)) {
			t.Fatalf("round %d: written at offset %d, want %d", round, base, len(want))
		}
		for i, v := range values {
			want = append(want, entry{base + int64(i), v, nil})
		}
	}
	for name, fetch := range map[string]func(int64) (chunk, error){
		"ours":    func(at int64) (chunk, error) { return k.fetchRecords(ctx, "x", 0, at, 0) },
		"library": func(at int64) (chunk, error) { return fetchByLibrary(ctx, k, at) },
	} {
		for _, from := range []int64{0, 1, int64(len(want)) / 2, int64(len(want)) - 1} {
			var got []entry
			for at := from; at < int64(len(want)); {
				c, err := fetch(at)
				if err != nil || len(c.entries) == 0 {
					t.Fatalf("%s: read at %d: %d records, %v", name, at, len(c.entries), err)
				}
				if c.start != 0 || c.end != int64(len(want)) {
					t.Fatalf("%s: read at %d: log from %d to %d, want 0 to %d", name, at, c.start, c.end, len(want))
				}
				got = append(got, c.entries...)
				at = got[len(got)-1].offset + 1
			}
			if diff := cmp.Diff(want[from:], got, cmpopts.IgnoreFields(entry{}, "memory"), cmp.AllowUnexported(entry{}), cmp.Comparer(bytes.Equal)); diff != "" {
				t.Fatalf("%s: from %d: %s", name, from, diff)
			}
		}
	}
}

// TestExchangeErrors: what the broker refuses keeps its code.
func TestExchangeErrors(t *testing.T) {
	k, ctx := exchangeLog(t), t.Context()
	if _, err := k.fetchRecords(ctx, "x", 0, 7, 0); !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Errorf("read behind the end: %v, want %v", err, kafka.OffsetOutOfRange)
	}
	if _, err := k.produceRecords(ctx, "x", 0, whole(make([]byte, 2<<20)), 0); !errors.Is(err, kafka.MessageSizeTooLarge) {
		t.Errorf("write of 2 MiB: %v, want %v", err, kafka.MessageSizeTooLarge)
	}
	if c, err := k.fetchRecords(ctx, "x", 0, 0, 0); err != nil || len(c.entries) != 0 || c.end != 0 {
		t.Errorf("read of an empty log: %+v, %v", c, err)
	}
	for name, f := range map[string]func(topic string, lane int) error{
		"read": func(topic string, lane int) error { _, err := k.fetchRecords(ctx, topic, lane, 0, 0); return err },
		"write": func(topic string, lane int) error {
			_, err := k.produceRecords(ctx, topic, lane, whole([]byte{1}), 0)
			return err
		},
	} {
		if f("y", 0) == nil || f("x", 5) == nil {
			t.Errorf("%s of a topic or partition that is not there: no error", name)
		}
	}
	cancelled, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := k.fetchRecords(cancelled, "x", 0, 0, time.Minute); err == nil {
		t.Error("a read that is told to stop has no error")
	}
	if _, err := k.produceRecords(ctx, "x", 0, whole([]byte{1}), 0); err != nil {
		t.Errorf("write behind a cancelled read: %v", err)
	}
}

// FuzzDecodeBatches: any bytes give records or an error, and records lie at the offset that was asked for or behind it.
// What is cut gives a beginning of what it was, or an error.
func FuzzDecodeBatches(f *testing.F) {
	var seed []byte
	for _, codec := range []kafka.Compression{0, 1, 4} {
		parts, _, err := encodeBatch(whole([]byte("one"), nil, make([]byte, maxGather+1)), time.UnixMilli(1), codec)
		if err != nil {
			f.Fatal(err)
		}
		seed = append(seed, bytes.Join(parts, nil)...)
	}
	f.Add(seed, int64(0))
	f.Add(seed[:len(seed)-1], int64(1))
	f.Add(seed[:100], int64(0))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		all, err := decodeBatches(data, from, nil)
		for _, e := range all {
			if e.offset < from {
				t.Errorf("a record at %d, asked for from %d", e.offset, from)
			}
		}
		if err != nil || len(data) == 0 {
			return
		}
		fewer, err := decodeBatches(data[:len(data)-1], from, nil)
		if err != nil {
			return
		}
		if len(fewer) > len(all) || !cmp.Equal(fewer, all[:len(fewer)], cmp.AllowUnexported(entry{}), cmp.Comparer(bytes.Equal)) {
			t.Errorf("%d records of a cut answer are no beginning of the %d of the whole", len(fewer), len(all))
		}
	})
}

// TestDamagedBatch flips each byte behind the fields that no checksum covers: none goes unseen.
func TestDamagedBatch(t *testing.T) {
	parts, _, err := encodeBatch(whole([]byte("one"), []byte("two")), time.UnixMilli(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	good := bytes.Join(parts, nil)
	for i := 16; i < len(good); i++ {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if got, err := decodeBatches(bad, 0, nil); !errors.Is(err, errBatch) {
			t.Errorf("byte %d: %d records, %v, want %v", i, len(got), err, errBatch)
		}
	}
}

func produceByLibrary(ctx context.Context, k *kafkaLog, values [][]byte, codec kafka.Compression) (int64, error) {
	records := make([]kafka.Record, len(values))
	for i, v := range values {
		records[i] = kafka.Record{Time: time.Now(), Value: kafka.NewBytes(v)}
	}
	res, err := k.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: "x", Partition: 0, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...), Compression: codec,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return 0, err
	}
	return res.BaseOffset, nil
}

func fetchByLibrary(ctx context.Context, k *kafkaLog, offset int64) (chunk, error) {
	res, err := k.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: "x", Partition: 0, Offset: offset, MinBytes: 1, MaxBytes: maxFetch, MaxWait: time.Millisecond,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return chunk{}, err
	}
	c := chunk{start: res.LogStartOffset, end: res.HighWatermark}
	for {
		rec, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return c, err
		}
		value, err := kafka.ReadAll(rec.Value)
		if err != nil {
			return c, fmt.Errorf("value at %d: %w", rec.Offset, err)
		}
		if rec.Offset >= offset {
			c.entries = append(c.entries, entry{rec.Offset, value, nil})
		}
	}
}
