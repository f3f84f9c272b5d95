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

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// realBrokers are the addresses that IMGLISH_TEST_KAFKA names (host:port, comma-separated), or those of an Apache Kafka
// of this test. cluster is nil for the former: nobody may stop it, and the topics that a test makes stay.
func realBrokers(t *testing.T) (addrs []string, cluster *kafkatest.Cluster) {
	t.Helper()
	if env := os.Getenv("IMGLISH_TEST_KAFKA"); env != "" {
		return strings.Split(env, ","), nil
	}
	cluster = kafkatest.Start(t, kafkatest.Options{})
	return cluster.Addrs(), cluster
}

// TestOnARealBroker runs lines on Apache Kafka and compares everything that comes out.
func TestOnARealBroker(t *testing.T) {
	addrs, cluster := realBrokers(t)
	t.Run("random stops and three sources", func(t *testing.T) { stopsOnARealBroker(t, addrs) })
	t.Run("processes that share", func(t *testing.T) {
		if testing.Short() {
			t.Skip("long")
		}
		sharedOnARealBroker(t, addrs, cluster)
	})
	t.Run("a source that joins a running line", func(t *testing.T) {
		if testing.Short() {
			t.Skip("long")
		}
		line := fmt.Sprintf("joins-%d", time.Now().UnixNano())
		joinsARunningLine(t, func(cfg *Config) {
			cfg.Line, cfg.Kafka.Brokers, cfg.Kafka.Replication = line, addrs, 1
		})
	})
	t.Run("lanes that move and lanes that stay", func(t *testing.T) {
		if testing.Short() {
			t.Skip("long")
		}
		movingOnARealBroker(t, addrs)
	})
}

// stopsOnARealBroker stops a line at random and starts it again.
func stopsOnARealBroker(t *testing.T, addrs []string) {
	one, two := &numbers{name: "one", rows: []int{1500, 700}, pad: 5000}, &numbers{name: "two", rows: []int{800}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	cfg.Line = fmt.Sprintf("stops-%d", time.Now().UnixNano())
	cfg.Kafka.Brokers, cfg.Kafka.Replication, cfg.Kafka.Compression = addrs, 1, "zstd"
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
	line := cfg.Line
	cfg = testGraph(t, cfg.Data, b, graphOfThree, one, two, three)
	cfg.Line, cfg.Kafka.Brokers, cfg.Kafka.Replication = line, addrs, 1
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 6), wanted(2, one, two, three))
}

// sharedOnARealBroker has three processes on a line. One of them is killed, the broker is killed and comes back, one is
// interrupted, and a fourth joins.
func sharedOnARealBroker(t *testing.T, addrs []string, cluster *kafkatest.Cluster) {
	dir := childDir(t)
	line := fmt.Sprintf("shared-%d", time.Now().UnixNano())
	begin := func() *child {
		return startChild(t, dir, brokersVariable+"="+strings.Join(addrs, ","), lineVariable+"="+line, pauseVariable+"=100ms")
	}
	all := 0
	for _, n := range childSources() {
		all += n.total()
	}
	reach := func(share int) { // a share of the rows in the sink, in percent
		t.Helper()
		eventually(t, fmt.Sprintf("%d percent of the rows are in the sink", share), func() bool { return childRows(t, dir)*100 >= all*share })
	}
	openGate(t, dir, 50)
	first, second, third := begin(), begin(), begin()
	reach(10)
	first.kill()
	reach(20)
	if cluster != nil {
		if err := cluster.Kill(0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // they notice it
		if err := cluster.Restart(0); err != nil {
			t.Fatal(err)
		}
	}
	openGate(t, dir, 90)
	reach(60)
	_ = second.cmd.Process.Signal(os.Interrupt)
	fourth := begin()
	if err := second.wait(t); err == nil {
		t.Error("an interrupted process says that the line is done")
	}
	openGate(t, dir, 100)
	for _, c := range []*child{third, fourth} {
		if err := c.wait(t); err != nil {
			t.Fatalf("%v\n%s", err, c.err.String())
		}
		t.Logf("a process said:\n%s", c.err.String())
	}
	checkChildren(t, dir)
}
