package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer answers a request about records. None of the versions here has tagged fields.
func (b *Broker) answer(c net.Conn, key int16, frame []byte) error {
	version, number := int16(binary.BigEndian.Uint16(frame[6:])), binary.BigEndian.Uint32(frame[8:])
	head := kbin.Reader{Src: frame[12:]}
	head.NullableString() // who asks
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	least := map[int16]int16{keyProduce: 3, keyFetch: 4, keyListOffsets: 1}[key]
	if version < least || version > offered[key] || head.Complete() != nil {
		return fmt.Errorf("version %d of request %d", version, key)
	}
	if err := req.ReadFrom(head.Src); err != nil {
		return err
	}
	memory := buffers.Get().(*[]byte)
	defer buffers.Put(memory)
	out := binary.BigEndian.AppendUint32(append((*memory)[:0], 0, 0, 0, 0), number)
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		res := b.produce(req)
		if req.Acks == 0 {
			return nil
		}
		out = res.AppendTo(out)
	case *kmsg.ListOffsetsRequest:
		out = b.listOffsets(req).AppendTo(out)
	case *kmsg.FetchRequest:
		out = b.fetch(req, out)
	}
	*memory = out
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	_, err := c.Write(out)
	return err
}

// at finds a partition, or the error to answer.
func (b *Broker) at(name string, number int32) (*topic, *partition, *kerr.Error, string) {
	t := b.topic(name)
	if t == nil {
		return nil, nil, kerr.UnknownTopicOrPartition, ""
	}
	p, err := b.partition(t, number)
	switch {
	case err != nil:
		return nil, nil, kerr.KafkaStorageError, err.Error()
	case p == nil:
		return nil, nil, kerr.UnknownTopicOrPartition, ""
	}
	return t, p, nil, ""
}

// produce appends what is sent and waits until it is on the disk.
func (b *Broker) produce(req *kmsg.ProduceRequest) *kmsg.ProduceResponse {
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	var waits []func()
	for _, rt := range req.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = rt.Topic
		topic.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(rt.Partitions))
		for i, rp := range rt.Partitions {
			out := &topic.Partitions[i]
			out.Default()
			out.Partition, out.BaseOffset = rp.Partition, -1
			fail := func(e *kerr.Error, text string) {
				out.BaseOffset, out.ErrorCode = -1, e.Code
				if text != "" {
					out.ErrorMessage = &text
				}
			}
			t, p, e, text := b.at(rt.Topic, rp.Partition)
			if e == nil {
				e, text = t.refuses(rp.Records)
			}
			if e != nil {
				fail(e, text)
				continue
			}
			base, err := p.append(rp.Records, t.settings().segment)
			if err != nil {
				fail(kerr.KafkaStorageError, err.Error())
				continue
			}
			out.BaseOffset = base
			out.LogStartOffset, _ = p.ends()
			last := base + records(rp.Records)
			waits = append(waits, func() {
				if err := p.settle(last); err != nil {
					fail(kerr.KafkaStorageError, err.Error())
				}
			})
		}
		res.Topics = append(res.Topics, topic)
	}
	for _, wait := range waits {
		wait()
	}
	return res
}

// refuses says why what is sent for a partition is not taken: it must be one batch, as in Kafka.
func (t *topic) refuses(data []byte) (*kerr.Error, string) {
	if limit := t.settings().batch; int64(len(data)) > limit {
		return kerr.MessageTooLarge, fmt.Sprintf("%d bytes, topic %s takes %d", len(data), t.name, limit)
	}
	if len(data) < headerSize || batchSize(data) != int64(len(data)) {
		return kerr.CorruptMessage, fmt.Sprintf("%d bytes are not one batch", len(data))
	}
	if err := checkBatch(data); err != nil {
		return kerr.CorruptMessage, err.Error()
	}
	if binary.BigEndian.Uint16(data[atAttributes:])&(1<<4|1<<5) != 0 || int64(binary.BigEndian.Uint64(data[atProducer:])) >= 0 {
		return kerr.InvalidRecord, "the embedded broker has no transactions and no idempotent producers"
	}
	return nil, ""
}

func (b *Broker) listOffsets(req *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, rt := range req.Topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			out := kmsg.NewListOffsetsResponseTopicPartition()
			out.Partition = rp.Partition
			_, p, e, _ := b.at(rt.Topic, rp.Partition)
			switch {
			case e != nil:
				out.ErrorCode = e.Code
			case rp.Timestamp == -1:
				_, out.Offset = p.ends()
			case rp.Timestamp == -2:
				out.Offset, _ = p.ends()
			default:
				out.ErrorCode = kerr.UnsupportedForMessageFormat.Code // what Kafka says where it has no times
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		res.Topics = append(res.Topics, topic)
	}
	return res
}

// wanted is what a fetch asks of one partition, and what it gets.
type wanted struct {
	topic  string
	number int32
	offset int64
	limit  int64

	p     *partition
	spans []span
	code  int16
}

// fetch appends the answer. It waits for as many bytes as are asked for, or for the time, but not if something is wrong.
func (b *Broker) fetch(req *kmsg.FetchRequest, out []byte) []byte {
	if req.SessionEpoch > 0 {
		return appendFetchHead(out, req.Version, kerr.FetchSessionIDNotFound.Code) // none is ever handed out
	}
	var all []*wanted
	woken := make(chan struct{}, 1)
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			w := &wanted{topic: rt.Topic, number: rp.Partition, offset: rp.FetchOffset, limit: int64(rp.PartitionMaxBytes)}
			var e *kerr.Error
			if _, w.p, e, _ = b.at(rt.Topic, rp.Partition); e != nil {
				w.code = e.Code
			} else {
				w.p.watch(woken)
				defer w.p.unwatch(woken)
			}
			all = append(all, w)
		}
	}
	timeout := time.NewTimer(time.Duration(req.MaxWaitMillis) * time.Millisecond)
	defer timeout.Stop()
	for {
		if bytes, bad := find(all, int64(req.MaxBytes)); bad || bytes >= int64(req.MinBytes) {
			break
		}
		select {
		case <-woken:
			continue
		case <-timeout.C:
		case <-b.ending:
		}
		break
	}
	out = appendFetchHead(out, req.Version, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(req.Topics)))
	for _, rt := range req.Topics {
		out = binary.BigEndian.AppendUint16(out, uint16(len(rt.Topic)))
		out = append(out, rt.Topic...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(rt.Partitions)))
		for range rt.Partitions {
			out = all[0].appendTo(out, req.Version)
			all = all[1:]
		}
	}
	return out
}

// find looks where the wanted records lie. bad says that something is wrong with a partition.
func find(all []*wanted, limit int64) (bytes int64, bad bool) {
	for _, w := range all {
		w.spans = nil
		if w.p != nil {
			spans, n, err := w.p.find(w.offset, min(w.limit, limit-bytes), bytes == 0)
			w.spans, w.code = spans, 0
			if bytes += n; err != nil {
				w.code = kerr.OffsetOutOfRange.Code
			}
		}
		bad = bad || w.code != 0
	}
	return bytes, bad
}

func appendFetchHead(out []byte, version, code int16) []byte {
	out = binary.BigEndian.AppendUint32(out, 0) // throttled for so long
	if version >= 7 {
		out = binary.BigEndian.AppendUint16(out, uint16(code))
		out = binary.BigEndian.AppendUint32(out, 0) // no session
	}
	if code != 0 {
		out = binary.BigEndian.AppendUint32(out, 0) // topics
	}
	return out
}

// appendTo appends a partition's answer, its records straight from their files.
func (w *wanted) appendTo(out []byte, version int16) []byte {
	from := len(out)
	start, end := int64(-1), int64(-1)
	if w.p != nil {
		start, end = w.p.ends()
	}
	out = binary.BigEndian.AppendUint32(out, uint32(w.number))
	out = binary.BigEndian.AppendUint16(out, uint16(w.code))
	out = binary.BigEndian.AppendUint64(out, uint64(end))
	out = binary.BigEndian.AppendUint64(out, uint64(end)) // last stable offset
	if version >= 5 {
		out = binary.BigEndian.AppendUint64(out, uint64(start))
	}
	out = binary.BigEndian.AppendUint32(out, ^uint32(0)) // no aborted transactions
	if version >= 11 {
		out = binary.BigEndian.AppendUint32(out, ^uint32(0)) // no replica is to be preferred
	}
	n := len(out)
	out = binary.BigEndian.AppendUint32(out, 0)
	for _, s := range w.spans {
		var err error
		if out, err = s.appendTo(out); err != nil {
			// Its segment has just expired, or cannot be read.
			w.code, w.spans = kerr.KafkaStorageError.Code, nil
			if errors.Is(err, os.ErrNotExist) {
				w.code = kerr.OffsetOutOfRange.Code
			}
			return w.appendTo(out[:from], version)
		}
	}
	binary.BigEndian.PutUint32(out[n:], uint32(len(out)-n-4))
	return out
}

func (s span) appendTo(out []byte) ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return out, err
	}
	defer f.Close()
	n := len(out)
	if need := n + int(s.n); need > cap(out) {
		out = append(make([]byte, 0, (need+minKept-1)/minKept*minKept), out...)
	}
	out = out[:n+int(s.n)]
	_, err = f.ReadAt(out[n:], s.pos)
	return out, err
}
