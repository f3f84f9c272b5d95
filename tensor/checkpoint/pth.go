package checkpoint

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"strings"
)

// readZip reads the layout of torch.save since PyTorch 1.6: <folder>/data.pkl, a pickle, and <folder>/data/<key>, raw
// little-endian storages, stored without compression and aligned by padding in the local headers.
func (f *File) readZip() error {
	z, err := zip.NewReader(f.r, f.size)
	if err != nil {
		return damaged("the directory at its end cannot be read, as if it were cut short (%v)", err)
	}
	members := map[string]*zip.File{}
	var pickle *zip.File
	for _, m := range z.File {
		if members[m.Name] != nil {
			return damaged("zip has %s twice", m.Name)
		}
		members[m.Name] = m
		if strings.HasSuffix(m.Name, "/data.pkl") && strings.Count(m.Name, "/") == 1 {
			if pickle != nil {
				return damaged("zip has two pickles, %s and %s", pickle.Name, m.Name)
			}
			pickle = m
		}
	}
	if pickle == nil {
		return damaged("zip without data.pkl: not written by torch.save")
	}
	folder := strings.TrimSuffix(pickle.Name, "data.pkl")
	if m := members[folder+"byteorder"]; m != nil {
		order, err := f.member(m, 16)
		if err != nil {
			return err
		}
		if string(order) != "little" {
			return damaged("byte order %q, want little", order)
		}
	}
	raw, err := f.member(pickle, maxPickle)
	if err != nil {
		return err
	}
	top, err := unpickle(bytes.NewReader(raw), func(id tuple) (any, error) {
		s, err := storageOf(id)
		if err != nil {
			return nil, err
		}
		m := members[folder+"data/"+s.key]
		if m == nil {
			return nil, damaged("storage %q is missing", s.key)
		}
		if need := uint64(s.count) * uint64(s.dtype.Size()); m.UncompressedSize64 < need {
			return nil, damaged("storage %q has %d bytes, the pickle says %d", s.key, m.UncompressedSize64, need)
		}
		return s, nil
	})
	if err != nil {
		return err
	}
	starts := map[string]int64{}
	return f.addTensors(top, func(s *storage) (int64, error) {
		if at, ok := starts[s.key]; ok {
			return at, nil
		}
		at, err := f.memberOffset(members[folder+"data/"+s.key])
		starts[s.key] = at
		return at, err
	})
}

// memberOffset is where a stored member's bytes begin. The local header's own lengths count: its padding is not in
// the central directory.
func (f *File) memberOffset(m *zip.File) (int64, error) {
	if m.Method != zip.Store || m.CompressedSize64 != m.UncompressedSize64 {
		return 0, damaged("zip member %s is compressed", m.Name)
	}
	at, err := m.DataOffset()
	if err != nil {
		return 0, damaged("zip member %s: %v", m.Name, err)
	}
	if at < 0 || at > f.size || m.UncompressedSize64 > uint64(f.size-at) {
		return 0, damaged("zip member %s lies beyond the end of the file", m.Name)
	}
	return at, nil
}

func (f *File) member(m *zip.File, limit uint64) ([]byte, error) {
	at, err := f.memberOffset(m)
	if err != nil {
		return nil, err
	}
	if m.UncompressedSize64 > limit {
		return nil, damaged("zip member %s has %d bytes, at most %d are read", m.Name, m.UncompressedSize64, limit)
	}
	raw := make([]byte, m.UncompressedSize64)
	if err := f.readAt(raw, at); err != nil {
		return nil, damaged("zip member %s: %v", m.Name, err)
	}
	if sum := crc32.ChecksumIEEE(raw); sum != m.CRC32 {
		return nil, damaged("zip member %s: checksum %08x, want %08x", m.Name, sum, m.CRC32)
	}
	return raw, nil
}

// storageOf reads a persistent id: ("storage", type, key, location, elements[, view]).
func storageOf(id tuple) (*storage, error) {
	if len(id) != 5 && len(id) != 6 || id[0] != any("storage") {
		return nil, damaged("persistent id of %d parts, want a storage", len(id))
	}
	g, _ := id[1].(global)
	key, isKey := id[2].(string)
	count, isCount := id[4].(int64)
	dtype := storageTypes[g]
	if dtype == "" || !isKey || !isCount || count < 0 || count > 1<<48 {
		return nil, damaged("persistent id (%s, %s, %s, …, %s)", show(id[0]), show(id[1]), show(id[2]), show(id[4]))
	}
	return &storage{key: key, dtype: dtype, count: count}, nil
}

// addTensors enters the tensors of the state dictionary; start says where a storage begins in the file.
func (f *File) addTensors(top any, start func(*storage) (int64, error)) error {
	d, err := stateDict(top)
	if err != nil {
		return err
	}
	for _, name := range d.keys {
		t, ok := d.values[name].(*tensorView)
		if !ok {
			continue
		}
		e := entry{dtype: t.storage.dtype, shape: t.shape, offset: t.storage.base + t.offset}
		if !t.contiguous() {
			e.strides = t.strides
		}
		if e.at, err = start(t.storage); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		f.tensors[name] = e
	}
	if len(f.tensors) == 0 {
		return damaged("no tensors in the pickle's dictionary")
	}
	return nil
}

// readLegacy reads the layout before PyTorch 1.6: five pickles (magic number, protocol, system, the object, the list
// of storage keys), then for each key an int64 count of elements and the raw elements.
func (f *File) readLegacy() error {
	src := &countingReader{r: bufio.NewReader(io.NewSectionReader(f.r, 0, f.size))}
	known := map[string]*storage{}
	roots := func(id tuple) (any, error) {
		s, err := storageOf(id)
		if err != nil {
			return nil, err
		}
		if root := known[s.key]; root == nil {
			known[s.key] = &storage{key: s.key, dtype: s.dtype, count: s.count}
		} else if root.dtype != s.dtype || root.count != s.count {
			return nil, damaged("storage %q is described twice, differently", s.key)
		}
		if len(id) == 6 {
			return legacyView(s, id[5])
		}
		return s, nil
	}
	plain := func(tuple) (any, error) { return nil, damaged("storage in a header pickle") }

	magic, err := unpickle(src, plain)
	if err != nil {
		return err
	}
	want, _ := new(big.Int).SetString("1950a86a20f9469cfc6c", 16)
	if m, ok := magic.(*big.Int); !ok || m.Cmp(want) != 0 {
		return damaged("a pickle, but not one of torch.save")
	}
	version, err := unpickle(src, plain)
	if err != nil {
		return err
	}
	if version != any(int64(1001)) {
		return damaged("legacy protocol %s, want 1001", show(version))
	}
	system, err := unpickle(src, plain)
	if err != nil {
		return err
	}
	if d, ok := system.(*dict); !ok || d.values["little_endian"] != any(true) {
		return damaged("legacy file is not little-endian")
	}
	top, err := unpickle(src, roots)
	if err != nil {
		return err
	}
	keys, err := unpickle(src, plain)
	if err != nil {
		return err
	}
	starts, err := f.legacyStarts(keys, known, src.n)
	if err != nil {
		return err
	}
	return f.addTensors(top, func(s *storage) (int64, error) {
		at, ok := starts[s.key]
		if !ok {
			return 0, damaged("storage %q is missing", s.key)
		}
		return at, nil
	})
}

// legacyView applies a storage's view of another one: None, or (key, offset, elements).
func legacyView(s *storage, view any) (any, error) {
	if _, is := view.(none); is {
		return s, nil
	}
	v, _ := view.(tuple)
	if len(v) != 3 {
		return nil, damaged("storage view %s", show(view))
	}
	offset, ok1 := v[1].(int64)
	count, ok2 := v[2].(int64)
	if !ok1 || !ok2 || offset < 0 || count < 0 || offset > s.count || count > s.count-offset {
		return nil, damaged("storage view (…, %s, %s) of %d elements", show(v[1]), show(v[2]), s.count)
	}
	return &storage{key: s.key, dtype: s.dtype, count: count, base: offset}, nil
}

// legacyStarts walks the raw storages behind the pickles and says where each one's elements begin.
func (f *File) legacyStarts(keys any, known map[string]*storage, at int64) (map[string]int64, error) {
	l, ok := keys.(*list)
	if !ok {
		return nil, damaged("list of storages is %s", show(keys))
	}
	starts := map[string]int64{}
	for _, k := range l.items {
		key, _ := k.(string)
		s := known[key]
		if _, twice := starts[key]; s == nil || twice {
			return nil, damaged("storage %s is unknown or stands there twice", show(k))
		}
		var word [8]byte
		if err := f.readAt(word[:], at); err != nil {
			return nil, damaged("it is cut short: storage %q: %v", key, err)
		}
		count := int64(binary.LittleEndian.Uint64(word[:]))
		at += 8
		if count != s.count {
			return nil, damaged("storage %q of %d elements, the pickle says %d", key, count, s.count)
		}
		if count > (f.size-at)/int64(s.dtype.Size()) {
			return nil, damaged("it is cut short: storage %q of %d elements begins at byte %d of %d", key, count, at, f.size)
		}
		starts[key] = at
		at += count * int64(s.dtype.Size())
	}
	return starts, nil
}

// countingReader knows how many bytes were taken from it, buffered ones not counted.
type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
