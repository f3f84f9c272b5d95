package broker

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// hangs is when an answer is given up.
const hangs = 2 * time.Minute

// client sends single requests, one after the other, and knows nothing else.
type client struct {
	t    *testing.T
	conn net.Conn
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn}
}

func (c *client) ask(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	res, err := c.try(req)
	if err != nil {
		c.t.Fatalf("request %d: %v", req.Key(), err)
	}
	return res
}

func (c *client) try(req kmsg.Request) (kmsg.Response, error) {
	_ = c.conn.SetDeadline(time.Now().Add(hangs))
	if _, err := c.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 7)); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return nil, err
	}
	res := req.ResponseKind()
	if res.IsFlexible() && res.Key() != 18 {
		body = body[1:] // no tags
	}
	return res, res.ReadFrom(body)
}

// create makes a topic of one partition or more.
func (c *client) create(name string, partitions int32, settings map[string]string) {
	c.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 4
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	for k, v := range settings {
		s := kmsg.NewCreateTopicsRequestTopicConfig()
		s.Name, s.Value = k, &v
		t.Configs = append(t.Configs, s)
	}
	req.Topics = append(req.Topics, t)
	if code := c.ask(req).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; code != 0 {
		c.t.Fatalf("create %s: %v", name, kerr.ErrorForCode(code))
	}
}

func (c *client) delete(name string) {
	c.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames = 3, []string{name}
	if code := c.ask(req).(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode; code != 0 {
		c.t.Fatalf("delete %s: %v", name, kerr.ErrorForCode(code))
	}
}

func produceRequest(topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 8, -1, 1000
	t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	t.Topic, p.Partition, p.Records = topic, partition, records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// produce writes a batch and returns its offset, or the error that the broker answers.
func (c *client) produce(topic string, partition int32, records []byte) (int64, error) {
	c.t.Helper()
	res, err := c.try(produceRequest(topic, partition, records))
	if err != nil {
		return 0, err
	}
	p := res.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return p.BaseOffset, kerr.ErrorForCode(p.ErrorCode)
}

type fetched struct {
	end   int64
	bytes []byte
	err   error
}

func (c *client) fetch(topic string, partition int32, offset int64, limit int32, wait time.Duration) fetched {
	c.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 11, -1, int32(wait.Milliseconds()), 1, limit
	req.SessionEpoch = -1
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	t.Topic, p.Partition, p.FetchOffset, p.PartitionMaxBytes = topic, partition, offset, limit
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	out := c.ask(req).(*kmsg.FetchResponse).Topics[0].Partitions[0]
	return fetched{out.HighWatermark, out.RecordBatches, kerr.ErrorForCode(out.ErrorCode)}
}

func (c *client) ends(topic string, partition int32) (start, end int64) {
	c.t.Helper()
	for _, at := range []struct {
		time int64
		to   *int64
	}{{-2, &start}, {-1, &end}} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID = 5, -1
		t, p := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
		t.Topic, p.Partition, p.Timestamp, p.CurrentLeaderEpoch = topic, partition, at.time, -1
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		out := c.ask(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(out.ErrorCode); err != nil {
			c.t.Fatalf("ends of %s/%d: %v", topic, partition, err)
		}
		*at.to = out.Offset
	}
	return start, end
}

// batchOf is a batch of values, as a producer sends it.
func batchOf(values ...[]byte) []byte {
	b := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(values) - 1), ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(values))}
	for i, v := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: v}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // its own length has one byte while it is 0
		b.Records = r.AppendTo(b.Records)
	}
	out := b.AppendTo(nil)
	return seal(out)
}

// seal puts length and CRC right.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// start opens a broker that is closed with the test.
func start(t *testing.T, dir string, sync func(*os.File) error) *Broker {
	t.Helper()
	b, err := open(dir, sync)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.closeOnce)
	return b
}

func (b *Broker) closeOnce() {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if !closed {
		b.Close()
	}
}
