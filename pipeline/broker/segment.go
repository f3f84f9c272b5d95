package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// segment is one file of a partition: record batches behind each other, byte for byte as Kafka's protocol has them (format
// 2). It is named by the offset of its first record.
type segment struct {
	path string
	base int64
	next int64 // offset behind the last record
	size int64
	at   []place  // of each batch
	file *os.File // open while it is written or not synced
	made bool     // its name is not synced yet
}

// place is where a batch begins.
type place struct {
	base int64 // offset of its first record
	pos  int64 // in the file
}

// The fields of a batch that are looked at. The CRC is of all behind it; the offset and the leader's epoch stand in front
// of it, for the broker to fill in.
const (
	atBase, atLength, atEpoch, atFormat, atCRC = 0, 8, 12, 16, 17
	atAttributes, atLastDelta, atProducer      = 21, 23, 43
	atCount, headerSize                        = 57, 61
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchSize is the size of the batch that data begins with; 0 if it is not whole.
func batchSize(data []byte) int64 {
	if len(data) < headerSize {
		return 0
	}
	n := 12 + int64(int32(binary.BigEndian.Uint32(data[atLength:])))
	if n < headerSize || n > int64(len(data)) {
		return 0
	}
	return n
}

// checkBatch says what is wrong with a batch.
func checkBatch(b []byte) error {
	switch {
	case b[atFormat] != 2:
		return fmt.Errorf("format %d, want 2", b[atFormat])
	case crc32.Checksum(b[atAttributes:], castagnoli) != binary.BigEndian.Uint32(b[atCRC:]):
		return errors.New("its CRC is another one")
	case records(b) < 1, records(b) != int64(int32(binary.BigEndian.Uint32(b[atCount:]))):
		return fmt.Errorf("%d records, the last one is number %d", int32(binary.BigEndian.Uint32(b[atCount:])), records(b)-1)
	}
	return nil
}

// records is how many offsets a batch takes.
func records(b []byte) int64 { return int64(int32(binary.BigEndian.Uint32(b[atLastDelta:]))) + 1 }

const suffix = ".log"

func segmentPath(dir string, base int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, suffix))
}

// segmentsIn lists the segments of a folder in order, unread.
func segmentsIn(dir string) ([]*segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), suffix)
		if base, err := strconv.ParseInt(name, 10, 64); ok && err == nil {
			out = append(out, &segment{path: filepath.Join(dir, f.Name()), base: base, next: base})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].base < out[j].base })
	return out, nil
}

// recover reads a segment that may have been written when its process or the machine stopped, up to the first batch that is
// not whole. What lies there was never acknowledged, and is cut off.
func (s *segment) recover() error {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	for rest := data; ; {
		n := batchSize(rest)
		if n == 0 || int64(binary.BigEndian.Uint64(rest[atBase:])) != s.next || checkBatch(rest[:n]) != nil {
			break
		}
		s.note(n, records(rest))
		rest = rest[n:]
	}
	if s.size < int64(len(data)) {
		return os.Truncate(s.path, s.size)
	}
	return nil
}

// note counts a batch in that stands at the end.
func (s *segment) note(bytes, records int64) {
	s.at = append(s.at, place{s.next, s.size})
	s.next += records
	s.size += bytes
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// find is the number of the batch that holds an offset.
func (s *segment) find(offset int64) int {
	return sort.Search(len(s.at), func(i int) bool { return s.at[i].base > offset }) - 1
}

// end is where a batch ends in the file.
func (s *segment) end(i int) int64 {
	if i+1 < len(s.at) {
		return s.at[i+1].pos
	}
	return s.size
}

// cut takes off all batches from an offset on.
func (s *segment) cut(offset int64) error {
	if i := s.find(offset - 1); i+1 < len(s.at) {
		s.size, s.next = s.at[i+1].pos, s.at[i+1].base
		s.at = s.at[:i+1]
	}
	return os.Truncate(s.path, s.size)
}
