package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// kafkaLog is a lanelog on Kafka's protocol. It goes by single requests (exchange.go): kafka-go's Reader and Writer retry
// on their own, and a retried write may land twice or out of order.
type kafkaLog struct {
	client *kafka.Client
	line   string // first part of the group names
	codec  kafka.Compression
	create bool          // topics that are missing
	at     string        // of the brokers, for commands that a user is shown
	outage *outage       // hears of every request; nil before a run
	lives  *lives        // of the line's lanes; set before the first use
	answer *atomic.Int64 // bytes that one answer may have
	memory *answers
}

const (
	// maxFetch bounds one answer, and minFetch is the least that it may be bounded by when there are many lanes. A batch
	// that is larger than the bound comes whole and alone, as brokers do since KIP-74.
	maxFetch = 6 << 20
	minFetch = 256 << 10
	// requestTimeout bounds one request beyond the time that it may wait on purpose.
	requestTimeout = 20 * time.Second
)

// dialFunc opens connections. The embedded broker moves; its dialFunc knows where it is.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func newKafkaLog(cfg *Config, e endpoint) *kafkaLog {
	codec, _ := compression(cfg.Kafka.Compression) // checked with the file
	k := &kafkaLog{
		line:   cfg.base(),
		answer: &atomic.Int64{},
		memory: &answers{},
		codec:  codec,
		create: cfg.Kafka.CreateTopics || len(cfg.Kafka.Brokers) == 0,
		at:     strings.Join(e.brokers, ","),
		client: &kafka.Client{Addr: kafka.TCP(e.brokers...), Transport: e.transport(cfg.topics())},
	}
	k.answer.Store(maxFetch)
	return k
}

// fetchFor shares so many bytes among the answers to a number of lanes, which may come all at once.
func (k *kafkaLog) fetchFor(bytes int64, lanes int) {
	k.answer.Store(min(maxFetch, max(minFetch, bytes/int64(max(1, lanes)))))
}

func (k *kafkaLog) close() { k.client.Transport.(*kafka.Transport).CloseIdleConnections() }

func (k *kafkaLog) fetch(ctx context.Context, topic string, lane int, offset int64, wait time.Duration) (chunk, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+requestTimeout)
	defer cancel()
	c, err := k.fetchRecords(ctx, topic, lane, offset, wait)
	if errors.Is(err, kafka.OffsetOutOfRange) {
		err = errOutOfRange
	}
	if err != nil {
		return chunk{}, fmt.Errorf("read %s/%d at %d: %w", topic, lane, offset, err)
	}
	return c, nil
}

func (k *kafkaLog) produce(ctx context.Context, topic string, lane int, values []value) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	base, err := k.produceRecords(ctx, topic, lane, values, k.codec)
	if errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) {
		err = errTooLarge
	}
	if err != nil {
		return 0, fmt.Errorf("write %d records to %s/%d: %w", len(values), topic, lane, err)
	}
	return base, nil
}

func (k *kafkaLog) listEnds(ctx context.Context, topic string, lane int) (start, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := k.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(lane), kafka.LastOffsetOf(lane)},
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("ends of %s/%d: %w", topic, lane, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Partition == lane {
			if p.Error != nil {
				return 0, 0, fmt.Errorf("ends of %s/%d: %w", topic, lane, p.Error)
			}
			return p.FirstOffset, p.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("ends of %s/%d: %w", topic, lane, kafka.UnknownTopicOrPartition)
}

// savedGroup is the group under which a segment's positions are saved. It has no members, so any process may write to
// it: what is saved is true whoever says it, since every reader of a lane accepts the same records. Each life of a lane
// has a group of its own.
func (k *kafkaLog) savedGroup(segment string, lane int) string {
	name := k.line + "." + segment
	if life := k.lives.short(k.lives.of(segment, lane).Life); life != "" {
		name += "." + life
	}
	return name
}

func (k *kafkaLog) save(ctx context.Context, segment string, at map[topicLane]Position) error {
	groups := map[string]map[topicLane]note{}
	for tl, p := range at {
		g := k.savedGroup(segment, tl.lane)
		if groups[g] == nil {
			groups[g] = map[topicLane]note{}
		}
		groups[g][tl] = note{p.InputOffset + 1, encodePosition(p)}
	}
	for _, g := range names(groups) {
		if err := k.saveNotes(ctx, g, groups[g]); err != nil {
			return err
		}
	}
	return nil
}

func (k *kafkaLog) saved(ctx context.Context, segment string, of []topicLane) (map[topicLane]Position, error) {
	groups := map[string][]topicLane{}
	for _, tl := range of {
		g := k.savedGroup(segment, tl.lane)
		groups[g] = append(groups[g], tl)
	}
	out := map[topicLane]Position{}
	for _, g := range names(groups) {
		got, err := k.savedNotes(ctx, g, groups[g])
		if err != nil {
			return nil, err
		}
		for tl, n := range got {
			if pos, ok := decodePosition(n.offset, n.text); ok {
				out[tl] = pos
			}
		}
	}
	return out, nil
}

// encodePosition makes the metadata of an offset commit: the seq and the writer of the last record taken.
func encodePosition(p Position) string {
	return fmt.Sprintf("seq=%d writer=%s", p.LastSeq, hex.EncodeToString(p.InputWriter))
}

func decodePosition(offset int64, metadata string) (Position, bool) {
	var seq int64
	var writer string
	if n, _ := fmt.Sscanf(strings.TrimSpace(metadata), "seq=%d writer=%s", &seq, &writer); n != 2 || offset < 1 || seq < 0 {
		return Position{}, false
	}
	w, err := hex.DecodeString(writer)
	if err != nil || len(w) != 16 {
		return Position{}, false
	}
	return Position{LastSeq: seq, InputOffset: offset - 1, InputWriter: w}, true
}
