package checkpoint

import (
	"fmt"
	"math/big"
)

// append is APPEND and APPENDS.
func (u *unpickler) append(op byte) error {
	items, err := u.arguments(op == 'a', 1)
	if err != nil {
		return err
	}
	if len(u.stack) > 0 {
		if l, ok := u.stack[len(u.stack)-1].(*list); ok {
			l.items = append(l.items, items...)
			return nil
		}
	}
	return damaged("pickle appends to what is no list")
}

// setItems is SETITEM and SETITEMS.
func (u *unpickler) setItems(op byte) error {
	items, err := u.arguments(op == 's', 2)
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return damaged("pickle sets a key without a value")
	}
	if len(u.stack) > 0 {
		if d, ok := u.stack[len(u.stack)-1].(*dict); ok {
			for i := 0; i < len(items); i += 2 {
				d.set(items[i], items[i+1])
			}
			return nil
		}
	}
	return damaged("pickle sets an item of what is no dictionary")
}

func (u *unpickler) arguments(single bool, n int) ([]any, error) {
	if single {
		return u.take(n)
	}
	return u.toMark()
}

// object is BINPERSID, REDUCE, NEWOBJ and BUILD: the four opcodes by which a pickle makes objects.
func (u *unpickler) object(op byte) error {
	if op == 'Q' {
		v, err := u.pop()
		if err != nil {
			return err
		}
		id, ok := v.(tuple)
		if !ok {
			return damaged("persistent id is no tuple")
		}
		s, err := u.load(id)
		u.push(s)
		return err
	}
	v, err := u.take(2)
	if err != nil {
		return err
	}
	if op == 'b' { // BUILD: attributes of an object; module versions and training settings, of no use here
		switch v[0].(type) {
		case *dict, opaque:
			u.push(v[0])
			return nil
		}
		return damaged("pickle builds up %s", show(v[0]))
	}
	g, ok := v[0].(global)
	args, isTuple := v[1].(tuple)
	if !ok || !isTuple {
		return damaged("pickle makes an object from %s and %s", show(v[0]), show(v[1]))
	}
	made, err := construct(g, args)
	u.push(made)
	return err
}

func construct(g global, args tuple) (any, error) {
	switch {
	case g == orderedDict && len(args) == 0:
		return &dict{values: map[string]any{}}, nil
	case g == namespace && len(args) == 0:
		return opaque{}, nil
	case g == rebuildTensor:
		return rebuild(args)
	}
	return nil, &refusal{fmt.Sprintf("a call of %q with %d arguments", g, len(args))}
}

// rebuild reads the arguments (storage, offset, sizes, strides, requires_grad, hooks[, metadata]) of a tensor.
func rebuild(args tuple) (any, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, damaged("tensor with %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, damaged("tensor over %s", show(args[0]))
	}
	offset, ok := args[1].(int64)
	if !ok || offset < 0 {
		return nil, damaged("tensor at offset %s", show(args[1]))
	}
	shape, err := sizes(args[2])
	if err != nil {
		return nil, err
	}
	strides, err := sizes(args[3])
	if err != nil {
		return nil, err
	}
	t := &tensorView{storage: s, offset: offset, shape: shape, strides: strides}
	return t, t.check()
}

const (
	maxAxes = 16
	// maxRepeated bounds a tensor that repeats its storage's elements (stride 0), which could else ask for any memory.
	maxRepeated = 1 << 24
)

func sizes(v any) ([]int, error) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxAxes {
		return nil, damaged("sizes of a tensor are %s", show(v))
	}
	out := make([]int, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 || n > 1<<40 {
			return nil, damaged("size or stride %s of a tensor", show(x))
		}
		out[i] = int(n)
	}
	return out, nil
}

// check holds that all elements of the tensor lie within its storage.
func (t *tensorView) check() error {
	if len(t.shape) != len(t.strides) {
		return damaged("tensor of %d sizes and %d strides", len(t.shape), len(t.strides))
	}
	n, ok := elements(t.shape)
	if !ok {
		return damaged("tensor of shape %v", t.shape)
	}
	if n == 0 {
		return nil
	}
	last := t.offset
	for a, d := range t.shape {
		if t.strides[a] > 0 && int64(d-1) > t.storage.count/int64(t.strides[a]) {
			return damaged("tensor of shape %v, strides %v leaves its storage of %d elements", t.shape, t.strides, t.storage.count)
		}
		last += int64(d-1) * int64(t.strides[a])
	}
	if last < 0 || last >= t.storage.count || n > max(t.storage.count, maxRepeated) {
		return damaged("tensor of shape %v, strides %v at %d leaves its storage of %d elements",
			t.shape, t.strides, t.offset, t.storage.count)
	}
	return nil
}

// contiguous reports whether the elements lie one behind the other in row-major order.
func (t *tensorView) contiguous() bool {
	want := 1
	for a := len(t.shape) - 1; a >= 0; a-- {
		if t.shape[a] != 1 && t.strides[a] != want {
			return false
		}
		want *= t.shape[a]
	}
	return true
}

// stateDict finds the dictionary of tensors: the top level, or what "model", "state_dict" or "module" stands for.
func stateDict(top any) (*dict, error) {
	d, ok := top.(*dict)
	if !ok {
		return nil, damaged("the pickle holds %s, not a dictionary of tensors", show(top))
	}
	const wrappers = 4 // no published file has more than two
	for range wrappers {
		inner := (*dict)(nil)
		for _, key := range []string{"model", "state_dict", "module"} {
			if v, ok := d.values[key].(*dict); ok && inner == nil {
				inner = v
			}
		}
		if inner == nil {
			break
		}
		d = inner
	}
	return d, nil
}

// opcodeNames names the opcodes of Python's pickle protocols 0 to 5 that this reader refuses, for its error.
var opcodeNames = map[byte]string{
	'0': "POP", '1': "POP_MARK", '2': "DUP", 'F': "FLOAT", 'I': "INT", 'L': "LONG", 'P': "PERSID", 'S': "STRING",
	'T': "BINSTRING", 'U': "SHORT_BINSTRING", 'V': "UNICODE", 'd': "DICT", 'g': "GET", 'i': "INST", 'l': "LIST",
	'o': "OBJ", 'p': "PUT", 'B': "BINBYTES", 'C': "SHORT_BINBYTES", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
	0x8b: "LONG4", 0x8c: "SHORT_BINUNICODE", 0x8d: "BINUNICODE8", 0x8e: "BINBYTES8", 0x8f: "EMPTY_SET",
	0x90: "ADDITEMS", 0x91: "FROZENSET", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE", 0x95: "FRAME",
	0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
}

// show is a value for an error. It never walks into a value: a small hostile pickle can stand for a huge one.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%.60q", v)
	case global:
		return string(v)
	case int64, float64, bool:
		return fmt.Sprint(v)
	case *big.Int:
		return "a long number"
	case none:
		return "None"
	case tuple:
		return "a tuple"
	case *list:
		return "a list"
	case *dict:
		return "a dictionary"
	case *storage:
		return "a storage"
	case *tensorView:
		return "a tensor"
	}
	return "an object"
}

func opcodeName(op byte) string {
	if n := opcodeNames[op]; n != "" {
		return n
	}
	return fmt.Sprintf("0x%02x", op)
}
