package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// ensureTopic makes a topic exist with at least so many partitions, each keeping limit bytes (0: everything), and
// returns the limit that holds: an existing one is raised, never lowered, since that would drop records.
func (k *kafkaLog) ensureTopic(ctx context.Context, topic string, partitions, replication int, limit int64) (int64, error) {
	configs := []kafka.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		{ConfigName: "retention.ms", ConfigValue: "-1"},
		{ConfigName: "retention.bytes", ConfigValue: "-1"},
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(maxMessage)},
		{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(min(2, replication))},
		{ConfigName: "unclean.leader.election.enable", ConfigValue: "false"},
	}
	if limit > 0 {
		configs[2].ConfigValue = strconv.FormatInt(limit, 10)
		configs = append(configs, kafka.ConfigEntry{
			ConfigName: "segment.bytes", ConfigValue: strconv.FormatInt(max(limit/8, minSegmentBytes), 10),
		})
	}
	res, err := k.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: topic, NumPartitions: partitions, ReplicationFactor: replication, ConfigEntries: configs,
	}}})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return 0, fmt.Errorf("create topic %s: %w", topic, err)
	}
	created := err == nil
	if err := k.extendTopic(ctx, topic, partitions); err != nil {
		return 0, err
	}
	if created || limit == 0 {
		return limit, nil
	}
	return k.raiseLimit(ctx, topic, limit)
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
		if n > 0 && !asked {
			asked = true
			res, err := k.client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
				Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: int32(partitions)}},
			})
			if err == nil {
				err = res.Errors[topic]
			}
			// Another process may have been faster.
			if err != nil && !errors.Is(err, kafka.InvalidPartitionNumber) {
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

// raiseLimit raises the bytes that an existing topic keeps, and returns what holds.
func (k *kafkaLog) raiseLimit(ctx context.Context, topic string, limit int64) (int64, error) {
	res, err := k.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.bytes"},
	}}})
	if err != nil {
		return 0, fmt.Errorf("settings of topic %s: %w", topic, err)
	}
	have := int64(-1)
	for _, r := range res.Resources {
		if r.Error != nil {
			return 0, fmt.Errorf("settings of topic %s: %w", topic, r.Error)
		}
		for _, e := range r.ConfigEntries {
			if e.ConfigName == "retention.bytes" {
				if have, err = strconv.ParseInt(e.ConfigValue, 10, 64); err != nil {
					return 0, fmt.Errorf("settings of topic %s: retention.bytes: %w", topic, err)
				}
			}
		}
	}
	if have < 0 || have >= limit {
		if have < 0 {
			have = limit
		}
		return have, nil
	}
	alter, err := k.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "retention.bytes", Value: strconv.FormatInt(limit, 10), ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	})
	if err == nil && len(alter.Resources) > 0 {
		err = alter.Resources[0].Error
	}
	if err != nil {
		return 0, fmt.Errorf("raise retention.bytes of topic %s to %d: %w", topic, limit, err)
	}
	return limit, nil
}
