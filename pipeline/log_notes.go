package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// note is what a group keeps for a partition: an offset and a short text. Groups without members are the line's small
// memory on the broker, which every process on every machine can read.
type note struct {
	offset int64
	text   string // at most maxNote bytes
}

// maxNote is well below the 4,096 bytes that a Kafka broker takes by default (offset.metadata.max.bytes).
const maxNote = 1000

func (k *kafkaLog) saveNotes(ctx context.Context, group string, notes map[topicLane]note) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	topics := map[string][]kafka.OffsetCommit{}
	for tl, n := range notes {
		topics[tl.topic] = append(topics[tl.topic], kafka.OffsetCommit{Partition: tl.lane, Offset: n.offset, Metadata: n.text})
	}
	res, err := k.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: topics})
	if err != nil {
		return fmt.Errorf("save positions in group %s: %w", group, err)
	}
	for topic, partitions := range res.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return fmt.Errorf("save position of %s/%d in group %s: %w", topic, p.Partition, group, p.Error)
			}
		}
	}
	return nil
}

func (k *kafkaLog) savedNotes(ctx context.Context, group string, of []topicLane) (map[topicLane]note, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	topics := map[string][]int{}
	for _, tl := range of {
		topics[tl.topic] = append(topics[tl.topic], tl.lane)
	}
	res, err := k.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: topics})
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) {
		return nil, nil // nothing has been saved yet
	}
	if err != nil {
		return nil, fmt.Errorf("saved positions in group %s: %w", group, err)
	}
	out := map[topicLane]note{}
	for topic, partitions := range res.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return nil, fmt.Errorf("saved position of %s/%d in group %s: %w", topic, p.Partition, group, p.Error)
			}
			// A partition that has none is missing from the answer, or has offset -1.
			if p.CommittedOffset >= 0 {
				out[topicLane{topic, p.Partition}] = note{p.CommittedOffset, p.Metadata}
			}
		}
	}
	return out, nil
}
