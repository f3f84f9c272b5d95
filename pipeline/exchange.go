package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchAPI "github.com/segmentio/kafka-go/protocol/fetch"
)

// Fetch and produce carry all that the line moves. kafka-go's own forms of them copy every record several times, so these
// two write and read their bytes themselves, on connections that kafka-go's Transport makes, keeps and leads to the
// partition's leader: a read is one buffer, which the records' values point into, and a write sends the values as they
// lie. exchange_test.go holds both to kafka-go's forms.

const (
	fetchVersion   = 11 // of Kafka 2.3 and newer
	produceVersion = 8  // of Kafka 2.4 and newer
	// maxResponse bounds an answer in memory: what was asked for, one batch that is larger, and the fields around it.
	maxResponse = maxFetch + maxMessage + 64<<10
	// maxGather is the size up to which values are gathered into one call of the system; larger ones go alone.
	maxGather = 32 << 10
)

// exchange is one request and its answer on a raw connection.
type exchange struct {
	api      protocol.ApiKey
	version  int16
	topic    string
	lane     int
	body     []byte                                // the request's fields
	tail     [][]byte                              // and the records behind them
	memory   *answers                              // for the answer; nil: new memory
	response func(d *wireDecoder, a *answer) error // reads the answer's fields

	old bool // the broker does not speak the version
}

// ApiKey, Broker, Required and RawExchange are what kafka-go's Transport asks for.
func (x *exchange) ApiKey() protocol.ApiKey { return x.api }

// Broker is the leader of the partition.
func (x *exchange) Broker(c protocol.Cluster) (protocol.Broker, error) {
	like := fetchAPI.Request{Topics: []fetchAPI.RequestTopic{{
		Topic: x.topic, Partitions: []fetchAPI.RequestPartition{{Partition: int32(x.lane)}},
	}}}
	return like.Broker(c)
}

func (x *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	x.old = versions[x.api] < x.version
	return true
}

func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if x.old {
		return nil, fmt.Errorf("the broker is older than Kafka 2.4: version %d of %s: %w", x.version, x.api, kafka.UnsupportedVersion)
	}
	size := 14 + len(clientID) - 4 + len(x.body)
	for _, t := range x.tail {
		size += len(t)
	}
	out := make([]byte, 0, 14+len(clientID)+len(x.body)+maxGather)
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	out = binary.BigEndian.AppendUint16(out, uint16(x.api))
	out = binary.BigEndian.AppendUint16(out, uint16(x.version))
	out = binary.BigEndian.AppendUint32(out, 1) // a connection has one request at a time, so the id tells nothing
	out = appendString(out, clientID)
	out = append(out, x.body...)
	for _, t := range x.tail {
		// Small parts are gathered, and filled up from a large one behind them: each write may become a packet.
		for len(t) > 0 {
			if len(out) == 0 && len(t) > maxGather {
				if _, err := rw.Write(t); err != nil {
					return nil, err
				}
				break
			}
			n := min(len(t), cap(out)-len(out))
			out, t = append(out, t[:n]...), t[n:]
			if len(out) == cap(out) {
				if _, err := rw.Write(out); err != nil {
					return nil, err
				}
				out = out[:0]
			}
		}
	}
	if _, err := rw.Write(out); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxResponse {
		return nil, fmt.Errorf("an answer of %d bytes, want at most %d", n, maxResponse)
	}
	a := &answer{}
	if x.memory != nil {
		a = x.memory.get(int(n))
	} else {
		a.buf = make([]byte, n)
	}
	if _, err := io.ReadFull(rw, a.buf); err != nil {
		return nil, err
	}
	d := &wireDecoder{rest: a.buf}
	d.int32() // the request's id
	if err := x.response(d, a); err != nil {
		return nil, err
	}
	return x, d.err
}

func (k *kafkaLog) exchange(ctx context.Context, x *exchange) error {
	_, err := k.client.Transport.RoundTrip(ctx, k.client.Addr, x)
	return err
}

// fetchRecords asks for the records from an offset on. entries point into one buffer, that of the answer.
func (k *kafkaLog) fetchRecords(ctx context.Context, topic string, lane int, offset int64, wait time.Duration) (chunk, error) {
	b := binary.BigEndian.AppendUint32(nil, ^uint32(0)) // no replica
	b = binary.BigEndian.AppendUint32(b, uint32(max(wait, time.Millisecond).Milliseconds()))
	b = binary.BigEndian.AppendUint32(b, 1) // byte at least
	b = binary.BigEndian.AppendUint32(b, uint32(k.answer.Load()))
	b = append(b, 0)                                 // also what is not committed
	b = binary.BigEndian.AppendUint32(b, 0)          // no session
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) //
	b = appendPartition(b, topic, lane)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // any leader epoch
	b = binary.BigEndian.AppendUint64(b, uint64(offset))
	b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // not a follower's log start
	b = binary.BigEndian.AppendUint32(b, uint32(k.answer.Load()))
	b = binary.BigEndian.AppendUint32(b, 0) // nothing to forget
	b = appendString(b, "")                 // no rack
	var (
		c    chunk // these two belong to the connection until its answer is there: nobody else touches them if ctx ends first
		code kafka.Error
	)
	err := k.exchange(ctx, &exchange{
		api: protocol.Fetch, version: fetchVersion, topic: topic, lane: lane, body: b, memory: k.memory,
		response: func(d *wireDecoder, a *answer) error {
			d.int32() // throttled for so long
			code = kafka.Error(d.int16())
			d.int32() // session
			if topics := d.int32(); topics == 0 {
				return d.err
			}
			d.string()
			d.int32() // one partition
			d.int32() // its number
			if e := kafka.Error(d.int16()); e != 0 {
				code = e
			}
			c.end = d.int64()
			d.int64() // last stable offset
			c.start = d.int64()
			for n := d.int32(); n > 0 && d.err == nil; n-- {
				d.int64() // aborted transactions: nobody writes any
				d.int64()
			}
			d.int32() // preferred replica
			if code != 0 || d.err != nil {
				return d.err
			}
			var err error
			c.entries, err = decodeBatches(d.bytes(), offset, a)
			return errors.Join(err, d.err)
		},
	})
	switch {
	case err != nil:
		return chunk{}, err
	case code != 0:
		return chunk{}, code
	}
	return c, nil
}

// produceRecords appends values as one batch and returns the offset of the first.
func (k *kafkaLog) produceRecords(ctx context.Context, topic string, lane int, values []value, codec kafka.Compression) (int64, error) {
	records, size, err := encodeBatch(values, time.Now(), codec)
	if err != nil {
		return 0, err
	}
	timeout := requestTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Millisecond, time.Until(deadline))
	}
	b := binary.BigEndian.AppendUint16(nil, ^uint16(0)) // no transaction
	b = binary.BigEndian.AppendUint16(b, ^uint16(0))    // acks of all replicas
	b = binary.BigEndian.AppendUint32(b, uint32(timeout.Milliseconds()))
	b = appendPartition(b, topic, lane)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	var (
		base   int64 // these belong to the connection until its answer is there
		code   kafka.Error
		detail string
	)
	err = k.exchange(ctx, &exchange{
		api: protocol.Produce, version: produceVersion, topic: topic, lane: lane, body: b, tail: records,
		response: func(d *wireDecoder, _ *answer) error {
			if topics := d.int32(); topics != 1 {
				return fmt.Errorf("an answer for %d topics, want 1", topics)
			}
			d.string()
			d.int32() // one partition
			d.int32() // its number
			code = kafka.Error(d.int16())
			base = d.int64()
			d.int64() // time of appending
			d.int64() // start of the log
			for n := d.int32(); n > 0 && d.err == nil; n-- {
				if i, text := d.int32(), d.string(); detail == "" {
					detail = fmt.Sprintf("record %d: %s", i, text)
				}
			}
			if text := d.string(); text != "" {
				detail = text
			}
			d.int32() // throttled for so long
			return d.err
		},
	})
	switch {
	case err != nil:
		return 0, err
	case code != 0 && detail != "":
		return 0, fmt.Errorf("%w (%s)", code, detail)
	case code != 0:
		return 0, code
	case detail != "":
		return 0, errors.New(detail)
	}
	return base, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// appendPartition begins the fields of the one topic and partition of a request.
func appendPartition(b []byte, topic string, lane int) []byte {
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, topic)
	b = binary.BigEndian.AppendUint32(b, 1)
	return binary.BigEndian.AppendUint32(b, uint32(lane))
}

// wireDecoder takes fields off an answer. Behind an error it gives zeros.
type wireDecoder struct {
	rest []byte
	err  error
}

var zeros [8]byte

func (d *wireDecoder) take(n int) []byte {
	if n < 0 || n > len(d.rest) {
		if d.err == nil {
			d.err = fmt.Errorf("an answer that ends %d bytes too early: %w", n-len(d.rest), io.ErrUnexpectedEOF)
		}
		d.rest = nil
		return zeros[:min(max(n, 0), len(zeros))]
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *wireDecoder) int16() int16 { return int16(binary.BigEndian.Uint16(d.take(2))) }
func (d *wireDecoder) int32() int32 { return int32(binary.BigEndian.Uint32(d.take(4))) }
func (d *wireDecoder) int64() int64 { return int64(binary.BigEndian.Uint64(d.take(8))) }

// string reads a text that may be missing.
func (d *wireDecoder) string() string { return string(d.take(max(0, int(d.int16())))) }

// bytes reads bytes that may be missing; they stay where they are.
func (d *wireDecoder) bytes() []byte { return d.take(max(0, int(d.int32()))) }
