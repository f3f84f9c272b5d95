package pipeline

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestLargerThanTheLogTakes writes to a topic whose limit has been lowered behind the line's back: requests get smaller,
// and a sample that is too large alone becomes a skip. Nothing waits for ever, and nothing is missing.
func TestLargerThanTheLogTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	one := &numbers{name: "one", rows: []int{1}}
	cfg := testGraph(t, t.TempDir(), testBuilders(newMemorySink(""), one), graphOfThree, one)
	cfg.Line = fmt.Sprintf("large-%d", time.Now().UnixNano())
	at := endpoint{brokers: kafkatest.Shared(t).Addrs()}
	log := newKafkaLog(cfg, at)
	defer log.close()
	log.outage = newOutage(slog.New(slog.DiscardHandler), at.brokers)
	want := cfg.topicWants(1, 2)[1]
	want.copies = 1
	adminTopics(t, log, []topicWant{want}, func(_ string, c *kafka.TopicConfig) { setting(c, "max.message.bytes", "20000") })
	l := &line{log: log, limits: map[string]int64{want.name: 1 << 20}}
	id := bytes.Repeat([]byte{7}, 16)
	reader := func() *laneReader {
		return &laneReader{log: log, line: id, topic: want.name, last: noPosition(), base: noPosition()}
	}
	var w *laneWriter
	eventually(t, "the topic has leaders", func() (ok bool) {
		var err error
		w, _, err = resumeWriter(t.Context(), reader(), l.limits[want.name], noPosition)
		return err == nil
	})
	w.wrote = func(*item, bool) {}
	var items []*item
	for seq := range 40 {
		it := &item{seq: uint64(seq), offset: int64(seq), writer: id, Result: Keep(&Sample{Kind: Kind_TEXT, Id: id, Source: &Origin{Dataset: "x", Key: fmt.Sprint(seq)}})}
		size := 3000
		if seq == 17 || seq == 39 {
			size = 50_000
		}
		it.Sample.Views = ballast(size, seq)
		it.identify()
		items = append(items, it)
	}
	if err := w.append(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	r := reader()
	for seq := range 40 {
		a, err := r.accept(t.Context(), hangs)
		if err != nil || a == nil || a.Seq != uint64(seq) {
			t.Fatalf("record %d: %v, %v", seq, a, err)
		}
		if tooLarge := a.GetSkip().GetReason() == "record-too-large"; tooLarge != (seq == 17 || seq == 39) {
			t.Errorf("record %d: too large %v: %v", seq, tooLarge, a.GetSkip())
		}
	}
	if start, end, err := log.ends(t.Context(), want.name, 0); err != nil || start != 0 || end != 40 {
		t.Errorf("the lane holds records %d to %d (%v), want 0 to 40", start, end, err)
	}
}
