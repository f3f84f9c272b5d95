package kafkatest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestCluster writes a record, hurts the broker in each way, and finds the record again.
func TestCluster(t *testing.T) {
	c := kafkatest.Start(t, kafkatest.Options{})
	client := func() *kafka.Client {
		return &kafka.Client{Addr: kafka.TCP(c.Addrs()...), Transport: &kafka.Transport{}, Timeout: time.Minute}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if _, err := client().CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: "a", NumPartitions: 1, ReplicationFactor: 1,
	}}}); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		res, err := client().Produce(ctx, &kafka.ProduceRequest{
			Topic: "a", RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("x"))}),
		})
		if err == nil {
			err = res.Error
		}
		return err
	}
	until := func(what string, f func() error) {
		t.Helper()
		for {
			err := f()
			if err == nil {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("%s: %v", what, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	until("write", write)
	for _, tt := range []struct {
		name       string
		hurt, mend func(int) error
	}{
		{"kill", c.Kill, c.Restart},
		{"stop", c.Stop, c.Restart},
		{"pause", c.Pause, c.Resume},
	} {
		if err := tt.hurt(0); err != nil {
			t.Fatal(err)
		}
		if err := write(); err == nil {
			t.Errorf("%s: a write succeeded", tt.name)
		}
		start := time.Now()
		if err := tt.mend(0); err != nil {
			t.Fatal(err)
		}
		until(tt.name, write)
		t.Logf("back from %s after %s", tt.name, time.Since(start).Round(time.Millisecond))
	}
	res, err := client().ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{"a": {kafka.LastOffsetOf(0)}}})
	if err != nil {
		t.Fatal(err)
	}
	// The write at the paused broker may land behind all.
	if got := res.Topics["a"][0].LastOffset; got < 4 {
		t.Errorf("the log ends at %d, want 4 or more", got)
	}
}

// TestThree has three brokers, all of which answer.
func TestThree(t *testing.T) {
	if testing.Short() {
		t.Skip("three brokers are long")
	}
	c := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	client := &kafka.Client{Addr: kafka.TCP(c.Addrs()...), Transport: &kafka.Transport{}, Timeout: time.Minute}
	want := slices.Sorted(slices.Values(c.Addrs()))
	// A broker that serves may hear of the others a moment later.
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		res, err := client.Metadata(t.Context(), &kafka.MetadataRequest{})
		var got []string
		if err == nil {
			for _, b := range res.Brokers {
				got = append(got, fmt.Sprintf("%s:%d", b.Host, b.Port))
			}
			slices.Sort(got)
		}
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("brokers %v (%v), want %v", got, err, want)
		}
	}
}
