package pipeline

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestThreeBrokers runs a line on a cluster of three while leaders are killed, brokers restarted one after the other,
// one hangs, and too few are left to acknowledge. `make leaders` runs it; it takes some minutes.
func TestThreeBrokers(t *testing.T) {
	if os.Getenv("IMGLISH_TEST_LONG") == "" {
		t.Skip("takes minutes: run make leaders")
	}
	c := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	one, two := &numbers{name: "one", rows: []int{60000}, pad: 300}, &numbers{name: "two", rows: []int{30000}}
	all := one.total() + two.total()
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	b.Stages["a"] = slowStage("a", 31, 40*time.Millisecond)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	cfg.Kafka.Brokers, cfg.Kafka.Replication, cfg.Kafka.Compression = c.Addrs(), 3, "zstd"
	var said lines
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), cfg, b, Options{Logger: said.warnings()}) }()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// on waits until the line has done more work, so that each fault falls into work.
	on := func(what string) {
		t.Helper()
		from, start := sink.rows(), time.Now()
		for deadline := time.Now().Add(2 * time.Minute); sink.rows() < from+all/50; time.Sleep(50 * time.Millisecond) {
			if sink.rows() == all {
				t.Fatalf("the line was done before: %s", what)
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the line stands still\n%s", what, strings.Join(said.all(), "\n"))
			}
		}
		t.Logf("%s: %d rows after %s", what, sink.rows(), time.Since(start).Round(time.Millisecond))
	}
	on("begun")
	for i := range 3 {
		must(c.Kill(i))
		on("a broker killed")
		must(c.Restart(i))
		on("and back")
	}
	for i := range 3 {
		must(c.Stop(i))
		must(c.Restart(i))
		on("a rolling restart")
	}
	must(c.Pause(1))
	on("a broker hangs")
	must(c.Resume(1))
	on("and wakes up")

	must(c.Kill(0))
	must(c.Kill(1)) // no majority, no two copies: nothing can be acknowledged
	eventually(t, "the line says that it waits", func() bool { return said.has("waiting for them") })
	must(c.Restart(0))
	must(c.Restart(1))
	on("two brokers back")
	if err := <-done; err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(said.all(), "\n"))
	}
	t.Logf("the log:\n%s", strings.Join(said.all(), "\n"))
	compareContent(t, sink.content(t, 4), wanted(2, one, two))
}
