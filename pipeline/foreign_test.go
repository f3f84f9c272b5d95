package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestRecordsThatAreNotTheLines: a topic that holds a record of another line, of another schema, or of no line at all
// stops the line with one error that says where it is and what was expected. Nothing is passed over.
func TestRecordsThatAreNotTheLines(t *testing.T) {
	brokers := kafkatest.Shared(t).Addrs()
	for _, tt := range []struct {
		name   string
		change func(*Record) []byte
		want   string
	}{
		{"another line's", func(r *Record) []byte { r.Line = []byte("another line   1"); return mustMarshal(t, r) }, "record of line 616e6f74-6865-7220-6c69-6e6520202031 in a topic of line "},
		{"of a newer schema", func(r *Record) []byte { r.Schema++; return mustMarshal(t, r) }, "record of schema 2, this program knows 1"},
		{"somebody's JSON", func(*Record) []byte { return []byte(`{"hello": "world"}`) }, "not a record of a lane"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := &numbers{name: "one", rows: []int{40}}
			b := testBuilders(newMemorySink(""), one)
			cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
			cfg.Line = fmt.Sprintf("foreign-%d", time.Now().UnixNano())
			cfg.Kafka.Brokers, cfg.Kafka.Replication = brokers, 1
			run := func() error { return Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}) }
			if err := run(); err != nil {
				t.Fatal(err)
			}
			log := newKafkaLog(cfg, endpoint{brokers: brokers})
			defer log.close()
			topic := cfg.base() + ".a"
			_, end, err := log.listEnds(t.Context(), topic, 1)
			if err != nil {
				t.Fatal(err)
			}
			c, err := log.fetch(t.Context(), topic, 1, end-1, time.Second)
			if err != nil || len(c.entries) != 1 {
				t.Fatalf("the last record of %s/1: %d records, %v", topic, len(c.entries), err)
			}
			rec, err := decodeRecord(c.entries[0].value)
			if err != nil {
				t.Fatal(err)
			}
			rec.Seq++
			if _, err := log.produce(t.Context(), topic, 1, whole(tt.change(rec))); err != nil {
				t.Fatal(err)
			}
			one.rows = []int{40, 10}
			err = run()
			if !errors.Is(err, ErrFatal) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("%s/1 at %d", topic, end)) {
				t.Errorf("the line says %v, want %q at %s/1 at %d", err, tt.want, topic, end)
			}
		})
	}
}

func mustMarshal(t *testing.T, r *Record) []byte {
	t.Helper()
	v, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
