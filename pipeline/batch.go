package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// Record batches as they lie in Kafka's log, format 2 (https://kafka.apache.org/documentation/#recordbatch):
//
//	offset  size
//	     0     8  offset of the first record
//	     8     4  bytes behind this field
//	    12     4  leader epoch
//	    16     1  format, 2
//	    17     4  CRC-32C of all that follows
//	    21     2  attributes: 3 bits codec, bit 5 control batch
//	    23     4  offset of the last record, from the first
//	    27     8  time of the first record, ms
//	    35     8  latest time, ms
//	    43    14  producer id, epoch and first sequence number: -1
//	    57     4  records
//	    61        records, together compressed if the codec says so
//
// A record: its length, attributes, time and offset from the first's, key, value and headers, all lengths as zigzag
// varints.
const (
	batchHeader = 61
	batchFormat = 2
	// maxUnpacked bounds what a compressed batch may become.
	maxUnpacked = 64 << 20
	// maxChunk bounds what one answer may become: what lies behind it is asked for again.
	maxChunk = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeBatch makes a batch of values without keys. The parts follow each other on the wire; where nothing is compressed
// large parts of values are parts themselves, so they are not copied. size is that of all parts.
func encodeBatch(values []value, now time.Time, codec kafka.Compression) (parts [][]byte, size int, err error) {
	small := batchHeader
	for _, v := range values {
		small += 24
		for _, part := range v {
			if len(part) <= maxGather {
				small += len(part)
			}
		}
	}
	buf := make([]byte, batchHeader, small) // never grows, so that parts may point into it
	from := 0
	for i, v := range values {
		n := int64(v.size())
		var head [3 * binary.MaxVarintLen64]byte
		h := head[:0]
		h = append(h, 0) // attributes
		h = binary.AppendVarint(h, 0)
		h = binary.AppendVarint(h, int64(i))
		h = binary.AppendVarint(h, -1) // no key
		h = binary.AppendVarint(h, n)
		buf = binary.AppendVarint(buf, int64(len(h))+n+1)
		buf = append(buf, h...)
		for _, part := range v {
			if len(part) <= maxGather {
				buf = append(buf, part...)
			} else {
				parts = append(parts, buf[from:], part)
				from = len(buf)
			}
		}
		buf = append(buf, 0) // no headers
	}
	parts = append(parts, buf[from:])
	if codec != 0 {
		if parts, err = pack(parts, codec); err != nil {
			return nil, 0, err
		}
		buf = parts[0]
	}
	for _, p := range parts {
		size += len(p)
	}
	head := buf[:batchHeader]
	binary.BigEndian.PutUint64(head[0:], 0)
	binary.BigEndian.PutUint32(head[8:], uint32(size-12))
	binary.BigEndian.PutUint32(head[12:], ^uint32(0))
	head[16] = batchFormat
	binary.BigEndian.PutUint16(head[21:], uint16(codec))
	binary.BigEndian.PutUint32(head[23:], uint32(len(values)-1))
	binary.BigEndian.PutUint64(head[27:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(head[35:], uint64(now.UnixMilli()))
	for i := 43; i < 57; i++ {
		head[i] = 0xff
	}
	binary.BigEndian.PutUint32(head[57:], uint32(len(values)))
	crc := uint32(0)
	for i, p := range parts {
		if i == 0 {
			p = p[21:]
		}
		crc = crc32.Update(crc, castagnoli, p)
	}
	binary.BigEndian.PutUint32(head[17:], crc)
	return parts, size, nil
}

// pack compresses all behind the header.
func pack(parts [][]byte, codec kafka.Compression) ([][]byte, error) {
	out := bytes.NewBuffer(make([]byte, batchHeader, 64<<10))
	w := codec.Codec().NewWriter(out)
	for i, p := range parts {
		if i == 0 {
			p = p[batchHeader:]
		}
		if _, err := w.Write(p); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return [][]byte{out.Bytes()}, nil
}

// errBatch is a batch that is not what the format says.
var errBatch = errors.New("record batch is damaged")

// decodeBatches returns the records from an offset on of batches that follow each other. The last one may be cut: the
// broker ends where the bytes that were asked for end. Values point into data, which is memory's, or into what was
// unpacked.
func decodeBatches(data []byte, from int64, memory *answer) ([]entry, error) {
	var out []entry
	for n, unpacked := 0, 0; len(data) >= 12 && unpacked < maxChunk; n++ {
		size := int64(int32(binary.BigEndian.Uint32(data[8:])))
		if size < batchHeader-12 {
			return nil, fmt.Errorf("%w: %d bytes", errBatch, size)
		}
		if int64(len(data)-12) < size {
			if n == 0 {
				return nil, fmt.Errorf("%w: %d of %d bytes", errBatch, len(data)-12, size)
			}
			break
		}
		b := data[: 12+size : 12+size]
		data = data[12+size:]
		var err error
		had := len(out)
		if out, err = decodeBatch(b, from, out, memory); err != nil {
			return nil, err
		}
		for _, e := range out[had:] {
			unpacked += len(e.value)
		}
	}
	return out, nil
}

func decodeBatch(b []byte, from int64, out []entry, memory *answer) ([]entry, error) {
	base := int64(binary.BigEndian.Uint64(b))
	if b[16] != batchFormat {
		return nil, fmt.Errorf("%w: format %d at offset %d, want %d", errBatch, b[16], base, batchFormat)
	}
	if got, want := crc32.Checksum(b[21:], castagnoli), binary.BigEndian.Uint32(b[17:]); got != want {
		return nil, fmt.Errorf("%w: CRC %08x at offset %d, want %08x", errBatch, got, base, want)
	}
	attributes := binary.BigEndian.Uint16(b[21:])
	if attributes&(1<<5) != 0 {
		return out, nil // marks of transactions are no records
	}
	count := int64(int32(binary.BigEndian.Uint32(b[57:])))
	records, err := unpack(b[batchHeader:], kafka.Compression(attributes&7))
	if err != nil {
		return nil, fmt.Errorf("%w: at offset %d: %w", errBatch, base, err)
	}
	if attributes&7 != 0 {
		memory = nil
	}
	d := recordDecoder{rest: records}
	if out == nil {
		out = make([]entry, 0, min(count, int64(len(records)/7+1)))
	}
	for i := int64(0); i < count; i++ {
		r := recordDecoder{rest: d.bytes()}
		r.skip(1) // attributes
		r.varint()
		offset := base + r.varint()
		r.bytes() // key
		value := r.bytes()
		// Headers are nobody's here.
		if d.bad || r.bad {
			return nil, fmt.Errorf("%w: record %d of %d at offset %d", errBatch, i, count, base)
		}
		// A batch may begin in front of the offset that was asked for.
		if value != nil && offset >= from {
			if memory != nil {
				memory.left.Add(1)
			}
			out = append(out, entry{offset, value, memory})
		}
	}
	return out, nil
}

func unpack(data []byte, codec kafka.Compression) ([]byte, error) {
	if codec == 0 {
		return data, nil
	}
	if int(codec) > 4 {
		return nil, fmt.Errorf("codec %d", codec)
	}
	r := codec.Codec().NewReader(bytes.NewReader(data))
	defer r.Close()
	return readBounded(io.Reader(r), maxUnpacked)
}

// recordDecoder takes fields off a record.
type recordDecoder struct {
	rest []byte
	bad  bool
}

func (d *recordDecoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *recordDecoder) skip(n int64) []byte {
	if n < 0 || n > int64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// bytes reads a length and so many bytes; nil if the length is -1.
func (d *recordDecoder) bytes() []byte {
	n := d.varint()
	if n == -1 || d.bad {
		return nil
	}
	return d.skip(n)
}
