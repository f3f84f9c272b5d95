package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// adminTopics makes a line's topics as an administrator would; change edits what is asked for.
func adminTopics(t *testing.T, log *kafkaLog, wants []topicWant, change func(topic string, c *kafka.TopicConfig)) {
	t.Helper()
	var topics []kafka.TopicConfig
	for _, w := range wants {
		c := kafka.TopicConfig{Topic: w.name, NumPartitions: w.partitions, ReplicationFactor: w.copies, ConfigEntries: w.settings()}
		if change != nil {
			change(w.name, &c)
		}
		topics = append(topics, c)
	}
	res, err := log.client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: topics})
	if err != nil {
		t.Fatal(err)
	}
	for topic, err := range res.Errors {
		if err != nil {
			t.Fatalf("%s: %v", topic, err)
		}
	}
	// The broker answers before it knows the topics itself.
	for _, c := range topics {
		until(t, "topic "+c.Topic, func() error {
			have, err := log.describe(t.Context(), c.Topic)
			if err == nil && have.partitions != c.NumPartitions {
				err = fmt.Errorf("%d partitions, want %d", have.partitions, c.NumPartitions)
			}
			return err
		})
	}
}

// until asks again as long as there is an error.
func until(t *testing.T, what string, ask func() error) {
	t.Helper()
	for end := time.Now().Add(hangs); ; time.Sleep(50 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func setting(c *kafka.TopicConfig, name, value string) {
	for i := range c.ConfigEntries {
		if c.ConfigEntries[i].ConfigName == name {
			c.ConfigEntries[i].ConfigValue = value
		}
	}
}

// TestAdminTopics has topics that an administrator made: they are used if they fit, and refused with what was expected.
func TestAdminTopics(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	c := kafkatest.Start(t, kafkatest.Options{})
	for _, tt := range []struct {
		name   string
		create bool // kafka.create_topics
		none   bool // no topic is there
		change func(topic string, c *kafka.TopicConfig)
		want   []string // in the error; none: the line runs
		hint   []string
	}{
		{name: "they fit"},
		{name: "they fit, and may be changed", create: true},
		{name: "none, to be made", create: true, none: true},
		{name: "none", none: true, want: []string{"topics are missing, and kafka.create_topics is off", ".sources", ".source,", ".a,", ".c"},
			hint: []string{"--create --topic", "--partitions 2 --replication-factor 1", "--config retention.ms=-1"}},
		{name: "made carelessly", create: true,
			change: func(topic string, c *kafka.TopicConfig) {
				if strings.HasSuffix(topic, ".a") {
					c.ConfigEntries = nil
				}
			},
			want: []string{".a: retention.ms=604800000, want -1", ".a: max.message.bytes=1048588, want 4194304"},
			hint: []string{"kafka-configs.sh", ".a --add-config retention.ms=-1,max.message.bytes=4194304"}},
		{name: "every rule broken", create: true,
			change: func(topic string, c *kafka.TopicConfig) {
				switch {
				case strings.HasSuffix(topic, ".sources"):
					setting(c, "retention.bytes", "1000000")
				case strings.HasSuffix(topic, ".c"):
					setting(c, "cleanup.policy", "compact")
					setting(c, "unclean.leader.election.enable", "true")
					c.NumPartitions = 5
				}
			},
			want: []string{".sources: retention.bytes=1000000, want -1", ".c: cleanup.policy=compact, want delete",
				".c: unclean.leader.election.enable=true, want false", ".c: 5 partitions, want 2"},
			hint: []string{"cannot be taken away"}},
		{name: "too little is kept, which may be raised", create: true,
			change: func(topic string, c *kafka.TopicConfig) {
				if !strings.HasSuffix(topic, ".sources") {
					setting(c, "retention.bytes", "1000000")
				}
			}},
		{name: "too little is kept",
			change: func(topic string, c *kafka.TopicConfig) {
				if !strings.HasSuffix(topic, ".sources") {
					setting(c, "retention.bytes", "1000000")
				}
			},
			want: []string{".source: retention.bytes=1000000", ".a: retention.bytes=1000000", ".c: retention.bytes=1000000"}},
		{name: "too few partitions", want: []string{".a: 1 partitions, want 2"}, hint: []string{"--alter --topic", ".a --partitions 2"},
			change: func(topic string, c *kafka.TopicConfig) {
				if strings.HasSuffix(topic, ".a") {
					c.NumPartitions = 1
				}
			}},
		{name: "too few partitions, which may be added", create: true,
			change: func(_ string, c *kafka.TopicConfig) { c.NumPartitions = 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := &numbers{name: "one", rows: []int{200}}
			sink := newMemorySink("")
			b := testBuilders(sink, one)
			cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
			cfg.Line = fmt.Sprintf("admin-%d", time.Now().UnixNano())
			cfg.Kafka.Brokers, cfg.Kafka.Replication, cfg.Kafka.CreateTopics = c.Addrs(), 1, tt.create
			log := newKafkaLog(cfg, endpoint{brokers: c.Addrs()})
			defer log.close()
			if !tt.none {
				adminTopics(t, log, cfg.topicWants(1, 2), tt.change)
			}
			err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)})
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				compareContent(t, sink.content(t, 2), wanted(2, one))
				for _, w := range cfg.topicWants(1, 2) { // what is remembered of a topic may lag behind what the line has changed
					until(t, "topic "+w.name, func() error {
						have, err := log.describe(t.Context(), w.name)
						if err != nil {
							return err
						}
						if bad := w.misfits(have); len(bad) > 0 {
							return fmt.Errorf("%v", bad)
						}
						return nil
					})
				}
				return
			}
			var refused *clusterError
			if !errors.As(err, &refused) {
				t.Fatalf("Run = %v, want a refusal", err)
			}
			t.Logf("%v\nhint: %s", err, refused.Hint())
			for _, text := range tt.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v\nwant in it: %s", err, text)
				}
			}
			for _, text := range append(tt.hint, c.Addrs()[0]) {
				if !strings.Contains(refused.Hint(), text) {
					t.Errorf("hint %s\nwant in it: %s", refused.Hint(), text)
				}
			}
			if n := sink.rows(); n > 0 {
				t.Errorf("%d rows went through nevertheless", n)
			}
		})
	}
}

// TestTooFewBrokers has one broker where two copies are wanted.
func TestTooFewBrokers(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	one := &numbers{name: "one", rows: []int{10}}
	b := testBuilders(newMemorySink(""), one)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	cfg.Kafka.Brokers, cfg.Kafka.Replication = kafkatest.Shared(t).Addrs(), 2
	cfg.Line = fmt.Sprintf("few-%d", time.Now().UnixNano())
	var said lines
	err := Run(t.Context(), cfg, b, Options{Logger: said.warnings()})
	var refused *clusterError
	if !errors.As(err, &refused) || !strings.Contains(refused.Hint(), "kafka.replication") {
		t.Errorf("Run = %v, want one that says to set kafka.replication\n%v", err, said.all())
	}
}
