package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// TestOnARealBroker runs the line on the Kafka that IMGLISH_TEST_KAFKA names (host:port, comma-separated), stops it at
// random and starts it again. The topics that it makes stay.
func TestOnARealBroker(t *testing.T) {
	brokers := os.Getenv("IMGLISH_TEST_KAFKA")
	if brokers == "" {
		t.Skip("IMGLISH_TEST_KAFKA names no broker")
	}
	one, two := &numbers{name: "one", rows: []int{1500, 700}, pad: 5000}, &numbers{name: "two", rows: []int{800}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	cfg.Line = fmt.Sprintf("test-%d", time.Now().UnixNano())
	cfg.Kafka.Brokers, cfg.Kafka.Replication = strings.Split(brokers, ","), 1
	r := rand.New(rand.NewPCG(5, 6))
	for range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(300+r.IntN(1500))*time.Millisecond)
		err := Run(ctx, cfg, b, Options{Logger: testLogger(t)})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	t.Logf("the last run took %s", time.Since(start))
	compareContent(t, sink.content(t, 4), wanted(2, one, two))

	// Another source joins with lanes of its own, so the topics get more partitions.
	three := &numbers{name: "three", rows: []int{100}}
	b = testBuilders(sink, one, two, three)
	file := cfg.Line
	cfg = testGraph(t, cfg.Data, b, graphOfThree, one, two, three)
	cfg.Line, cfg.Kafka.Brokers, cfg.Kafka.Replication = file, strings.Split(brokers, ","), 1
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 6), wanted(2, one, two, three))
}
