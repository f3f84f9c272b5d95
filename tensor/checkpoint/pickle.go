package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// Values on the pickle machine's stack. Strings, int64, *big.Int, float64 and bool stand for themselves.
type (
	none   struct{}
	mark   struct{}
	tuple  []any
	list   struct{ items []any }
	global string   // module and name, e.g. "torch.FloatStorage"
	opaque struct{} // an object whose content is of no use here, such as argparse.Namespace
	dict   struct {
		keys   []string // names in order of their first appearance; keys that are no strings are left out
		values map[string]any
	}
	// storage is a block of elements in the file.
	storage struct {
		key   string
		dtype DType
		count int64 // elements
		base  int64 // first element within the storage of that key (legacy views)
	}
	// tensor is a view of a storage, sizes and strides in elements.
	tensorView struct {
		storage        *storage
		offset         int64
		shape, strides []int
	}
)

func (d *dict) set(key, value any) {
	k, ok := key.(string)
	if !ok {
		return
	}
	if _, known := d.values[k]; !known {
		d.keys = append(d.keys, k)
	}
	d.values[k] = value
}

// What a pickle may name. Nothing here is ever called; the names only say which of the shapes above is meant.
var storageTypes = map[global]DType{
	"torch.FloatStorage": F32, "torch.DoubleStorage": F64, "torch.HalfStorage": F16, "torch.BFloat16Storage": BF16,
	"torch.LongStorage": I64, "torch.IntStorage": I32, "torch.ShortStorage": I16, "torch.CharStorage": I8,
	"torch.ByteStorage": U8, "torch.BoolStorage": Bool,
}

const (
	orderedDict   global = "collections.OrderedDict"
	namespace     global = "argparse.Namespace"
	rebuildTensor global = "torch._utils._rebuild_tensor_v2"
)

func allowed(g global) bool {
	return storageTypes[g] != "" || g == orderedDict || g == namespace || g == rebuildTensor
}

const (
	maxPickle = 64 << 20 // bytes of one pickle: published checkpoints have well under 1 MiB
	maxString = 1 << 20  // bytes of one string: names of tensors and settings
	maxStack  = 1 << 20
)

// unpickler runs one pickle of protocol 2.
type unpickler struct {
	r     io.ByteReader
	full  io.Reader
	read  int64
	stack []any
	memo  map[uint32]any
	// load turns a persistent id into a storage.
	load func(id tuple) (any, error)
}

// byteSource is what an unpickler reads from: a buffered reader, so that what lies behind the pickle stays unread.
type byteSource interface {
	io.Reader
	io.ByteReader
}

func unpickle(r byteSource, load func(tuple) (any, error)) (any, error) {
	u := &unpickler{r: r, full: r, memo: map[uint32]any{}, load: load}
	for {
		op, err := u.byte()
		if err != nil {
			return nil, err
		}
		if op == '.' {
			return u.pop()
		}
		if err := u.step(op); err != nil {
			return nil, err
		}
		if len(u.stack) > maxStack {
			return nil, damaged("pickle stack above %d values", maxStack)
		}
	}
}

func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := u.byte()
		if err == nil && v != 2 {
			return &refusal{fmt.Sprintf("pickle protocol %d (2 is known)", v)}
		}
		return err
	case '(':
		u.push(mark{})
	case '}':
		u.push(&dict{values: map[string]any{}})
	case ']':
		u.push(&list{})
	case ')':
		u.push(tuple{})
	case 'N':
		u.push(none{})
	case 0x88:
		u.push(true)
	case 0x89:
		u.push(false)
	case 'J', 'K', 'M', 'G', 0x8a:
		return u.number(op)
	case 'X': // BINUNICODE
		return u.unicode()
	case 'c': // GLOBAL
		return u.global()
	case 'q', 'r', 'h', 'j':
		return u.memory(op)
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		items, err := u.take(int(op - 0x84))
		u.push(tuple(items))
		return err
	case 't':
		items, err := u.toMark()
		u.push(tuple(items))
		return err
	case 'a', 'e':
		return u.append(op)
	case 's', 'u':
		return u.setItems(op)
	case 'Q', 'R', 0x81, 'b':
		return u.object(op)
	default:
		return &refusal{"the opcode " + opcodeName(op)}
	}
	return nil
}

func (u *unpickler) number(op byte) error {
	var b [8]byte
	width := map[byte]int{'J': 4, 'K': 1, 'M': 2, 'G': 8}[op]
	if op == 0x8a {
		n, err := u.byte()
		if err != nil {
			return err
		}
		raw := make([]byte, n)
		if err := u.bytes(raw); err != nil {
			return err
		}
		u.push(long(raw))
		return nil
	}
	if err := u.bytes(b[:width]); err != nil {
		return err
	}
	switch op {
	case 'J':
		u.push(int64(int32(binary.LittleEndian.Uint32(b[:]))))
	case 'K':
		u.push(int64(b[0]))
	case 'M':
		u.push(int64(binary.LittleEndian.Uint16(b[:])))
	case 'G':
		u.push(math.Float64frombits(binary.BigEndian.Uint64(b[:])))
	}
	return nil
}

// long reads little-endian two's complement: an int64 where it fits, else a *big.Int.
func long(raw []byte) any {
	if len(raw) <= 8 {
		var v uint64
		for i, b := range raw {
			v |= uint64(b) << (8 * i)
		}
		if n := len(raw); n > 0 && raw[n-1]&0x80 != 0 && n < 8 {
			v |= ^uint64(0) << (8 * n)
		}
		return int64(v)
	}
	be := make([]byte, len(raw))
	for i, b := range raw {
		be[len(raw)-1-i] = b
	}
	v := new(big.Int).SetBytes(be)
	if raw[len(raw)-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	return v
}

func (u *unpickler) unicode() error {
	var b [4]byte
	if err := u.bytes(b[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(b[:])
	if n > maxString {
		return damaged("pickle string of %d bytes", n)
	}
	raw := make([]byte, n)
	if err := u.bytes(raw); err != nil {
		return err
	}
	u.push(string(raw))
	return nil
}

func (u *unpickler) global() error {
	module, err := u.line()
	if err != nil {
		return err
	}
	name, err := u.line()
	if err != nil {
		return err
	}
	g := global(module + "." + name)
	if !allowed(g) {
		return &refusal{fmt.Sprintf("the name %q", g)}
	}
	u.push(g)
	return nil
}

func (u *unpickler) memory(op byte) error {
	var b [4]byte
	width := 1
	if op == 'r' || op == 'j' {
		width = 4
	}
	if err := u.bytes(b[:width]); err != nil {
		return err
	}
	slot := binary.LittleEndian.Uint32(b[:])
	if op == 'q' || op == 'r' {
		if len(u.stack) == 0 {
			return damaged("pickle stores from an empty stack")
		}
		u.memo[slot] = u.stack[len(u.stack)-1]
		return nil
	}
	v, ok := u.memo[slot]
	if !ok {
		return damaged("pickle reads slot %d, which was never written", slot)
	}
	u.push(v)
	return nil
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() (any, error) {
	v, err := u.take(1)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

// take removes the top n values, none of which may be a mark.
func (u *unpickler) take(n int) ([]any, error) {
	if len(u.stack) < n {
		return nil, damaged("pickle takes from an empty stack")
	}
	at := len(u.stack) - n
	out := append([]any{}, u.stack[at:]...)
	for _, v := range out {
		if _, is := v.(mark); is {
			return nil, damaged("pickle takes a mark for a value")
		}
	}
	u.stack = u.stack[:at]
	return out, nil
}

// toMark removes all values above the topmost mark, and the mark.
func (u *unpickler) toMark() ([]any, error) {
	for at := len(u.stack) - 1; at >= 0; at-- {
		if _, is := u.stack[at].(mark); is {
			out := append([]any{}, u.stack[at+1:]...)
			u.stack = u.stack[:at]
			return out, nil
		}
	}
	return nil, damaged("pickle looks for a mark that is not there")
}

func (u *unpickler) byte() (byte, error) {
	if u.read++; u.read > maxPickle {
		return 0, damaged("pickle above %d bytes", maxPickle)
	}
	b, err := u.r.ReadByte()
	if err != nil {
		return 0, damaged("pickle ends early")
	}
	return b, nil
}

func (u *unpickler) bytes(p []byte) error {
	if u.read += int64(len(p)); u.read > maxPickle {
		return damaged("pickle above %d bytes", maxPickle)
	}
	if _, err := io.ReadFull(u.full, p); err != nil {
		return damaged("pickle ends early")
	}
	return nil
}

// line reads the text of a GLOBAL up to its newline.
func (u *unpickler) line() (string, error) {
	var s strings.Builder
	for {
		b, err := u.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			break
		}
		if s.Len() >= 256 {
			return "", damaged("pickle has a name above 256 bytes")
		}
		s.WriteByte(b)
	}
	if !utf8.ValidString(s.String()) {
		return "", damaged("pickle has a name that is not UTF-8")
	}
	return s.String(), nil
}
