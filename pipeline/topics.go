package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// maxMessage is a topic's max.message.bytes: a record of maxRecord bytes, or a request of maxRequest.
	maxMessage = 4 << 20
	// minLaneBytes is the least that a lane keeps: a few of the largest requests.
	minLaneBytes = 4 << 20
	// minSegmentBytes is the least that a Kafka broker takes as the size of a log segment.
	minSegmentBytes = 1 << 20
	// maxSegmentBytes is Kafka's own default; the setting is an int32.
	maxSegmentBytes = 1 << 30
)

// laneBytes shares the log's bytes among the topics of a lane. The last topic holds what the sink has not made durable,
// whole views, and gets two shares.
func laneBytes(total int64, lanes, topics, topic int) int64 {
	share := total / int64(max(1, lanes)) / int64(topics+1)
	if topic == topics-1 {
		share *= 2
	}
	return max(share, minLaneBytes)
}

// rangeBytes is how much a sink may hold of a lane whose topic keeps limit bytes. The writer waits at a half.
func rangeBytes(limit int64) int64 { return limit * 3 / 8 }

// topicWant is a topic as the line needs it.
type topicWant struct {
	name       string
	partitions int   // at least; a topic of lanes has exactly so many
	lanes      bool  // a topic of lanes, not the book
	copies     int   // replication
	limit      int64 // bytes that a partition keeps; 0: everything
}

// topicWants lists the line's topics as it needs them, the book's first, for so many sources and lanes.
func (c *Config) topicWants(sources, lanes int) []topicWant {
	copies := c.Kafka.Replication
	if len(c.Kafka.Brokers) == 0 {
		copies = 1
	}
	names := c.topics()
	out := []topicWant{{name: names[0], partitions: sources, copies: copies}}
	for i, name := range names[1:] {
		limit := laneBytes(int64(c.Kafka.LogMB)<<20, lanes, len(names)-1, i)
		out = append(out, topicWant{name: name, partitions: lanes, lanes: true, copies: copies, limit: limit})
	}
	return out
}

// settings are what the topic is made with. What an administrator makes must hold them too: see misfits.
func (w topicWant) settings() []kafka.ConfigEntry {
	out := []kafka.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		{ConfigName: "retention.ms", ConfigValue: "-1"},
		{ConfigName: "retention.bytes", ConfigValue: "-1"},
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(maxMessage)},
		{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(min(2, w.copies))},
		{ConfigName: "unclean.leader.election.enable", ConfigValue: "false"},
	}
	if w.limit > 0 {
		out[2].ConfigValue = strconv.FormatInt(w.limit, 10)
		out = append(out, kafka.ConfigEntry{ConfigName: "segment.bytes", ConfigValue: segmentBytes(w.limit)})
	}
	return out
}

// segmentBytes is the size of a log segment: the log keeps up to one more than its limit.
func segmentBytes(limit int64) string {
	return strconv.FormatInt(min(max(limit/8, minSegmentBytes), maxSegmentBytes), 10)
}

// ensureTopics makes topics exist with their partitions, as far as this user may. Those that exist are extended, never
// made anew; whether they fit otherwise is for checkTopics. What is missing and cannot be made is one error.
func (k *kafkaLog) ensureTopics(ctx context.Context, wants []topicWant) error {
	var missing, commands []string
	for _, w := range wants {
		n, err := k.partitions(ctx, w.name)
		if err == nil && n == 0 && k.create {
			err = k.createTopic(ctx, w)
		}
		switch {
		case n == 0 && (!k.create || unauthorised(err)):
			missing, commands = append(missing, w.name), append(commands, w.command())
			continue
		case err != nil:
			return err
		case !k.create:
			continue
		}
		if err := k.extendTopic(ctx, w.name, w.partitions); err != nil && !unauthorised(err) {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	why := "this user may not create them"
	if !k.create {
		why = "kafka.create_topics is off"
	}
	return refusal(fmt.Errorf("topics are missing, and %s: %s", why, strings.Join(missing, ", ")), k.commands(commands...))
}

func (k *kafkaLog) createTopic(ctx context.Context, w topicWant) error {
	res, err := k.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: w.name, NumPartitions: w.partitions, ReplicationFactor: w.copies, ConfigEntries: w.settings(),
	}}})
	if err == nil {
		err = res.Errors[w.name]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) { // another process may have been faster
		return fmt.Errorf("create topic %s: %w", w.name, err)
	}
	return nil
}

func unauthorised(err error) bool {
	return errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.ClusterAuthorizationFailed)
}

// extendTopic adds partitions up to a number, and waits until they are there.
func (k *kafkaLog) extendTopic(ctx context.Context, topic string, partitions int) error {
	asked := false
	for {
		n, err := k.partitions(ctx, topic)
		if err != nil {
			return err
		}
		if n >= partitions {
			return nil
		}
		if n > 0 && !k.create {
			return refusal(fmt.Errorf("topic %s has %d partitions, the line needs %d, and kafka.create_topics is off", topic, n, partitions),
				k.commands(extendCommand(topic, partitions)))
		}
		if n > 0 && !asked {
			asked = true
			res, err := k.client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
				Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: int32(partitions)}},
			})
			if err == nil {
				err = res.Errors[topic]
			}
			// Another process may have been faster.
			switch {
			case err == nil || errors.Is(err, kafka.InvalidPartitionNumber):
			case unauthorised(err):
				return refusal(fmt.Errorf("topic %s has %d partitions, the line needs %d, and this user may not add them: %w", topic, n, partitions, err),
					k.commands(extendCommand(topic, partitions)))
			default:
				return fmt.Errorf("extend topic %s to %d partitions: %w", topic, partitions, err)
			}
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("topic %s has %d of %d partitions: %w", topic, n, partitions, ctx.Err())
		}
	}
}

// partitions is how many partitions a topic has with a leader; 0 if it does not exist.
func (k *kafkaLog) partitions(ctx context.Context, topic string) (int, error) {
	res, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, &brokerError{fmt.Errorf("partitions of %s: %w", topic, err)}
	}
	for _, t := range res.Topics {
		if t.Name == topic && t.Error == nil {
			return len(t.Partitions), nil
		}
	}
	return 0, nil
}
