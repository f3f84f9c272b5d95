package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

// pickleOf wraps a pickle's text and one storage of 6 float32 (0 to 5) in torch.save's zip.
func pickleOf(t testing.TB, pickle string) *bytes.Reader {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	put := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	put("archive/data.pkl", []byte(pickle))
	var raw []byte
	for i := range 6 {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(i)))
	}
	put("archive/data/0", raw)
	put("archive/byteorder", []byte("little"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(buf.Bytes())
}

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// tensorOps is the pickle of one tensor over the storage "0" of n elements.
func tensorOps(n byte, offset byte, sizes, strides string) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cuda:0") +
		"K" + string([]byte{n}) + "tQK" + string([]byte{offset}) + sizes + strides + "\x89ccollections\nOrderedDict\n)RtR"
}

func dictOf(name, value string) string { return "\x80\x02}" + text(name) + value + "s." }

func TestStridesAndSharedStorages(t *testing.T) {
	transposed := tensorOps(6, 0, "K\x03K\x02\x86", "K\x01K\x03\x86")
	tail := tensorOps(6, 4, "K\x02\x85", "K\x01\x85")
	repeated := tensorOps(6, 5, "K\x03\x85", "K\x00\x85")
	scalar := tensorOps(6, 2, ")", ")")
	r := pickleOf(t, "\x80\x02}("+text("t")+transposed+text("tail")+tail+text("rep")+repeated+text("one")+scalar+"u.")
	f, err := NewFile(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"t": {0, 3, 1, 4, 2, 5}, "tail": {4, 5}, "rep": {5, 5, 5}, "one": {2},
	} {
		got, err := f.Float32(name)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s = %v, %v, want %v", name, got, err, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s = %v, want %v", name, got, want)
				break
			}
		}
	}
}

func TestWrappers(t *testing.T) {
	inner := "}" + text("w") + tensorOps(6, 0, "K\x06\x85", "K\x01\x85") + "s"
	for _, key := range []string{"model", "state_dict", "module"} {
		r := pickleOf(t, dictOf(key, inner))
		f, err := NewFile(r, r.Size())
		if err != nil || !f.Has("w") {
			t.Errorf("tensors under %q: %v", key, err)
		}
	}
}

func TestHostilePickles(t *testing.T) {
	tests := []struct {
		name, pickle string
		want         error
		says         string
	}{
		{"a call of the shell", "\x80\x02cposix\nsystem\n" + text("id") + "\x85R.", ErrRefused, "posix.system"},
		{"eval", "\x80\x02cbuiltins\neval\n" + text("1") + "\x85R.", ErrRefused, "builtins.eval"},
		{"a later protocol", "\x80\x04.", ErrRefused, "protocol 4"},
		{"stack global", "\x80\x02\x93.", ErrRefused, "STACK_GLOBAL"},
		{"inst", "\x80\x02(ios\nsystem\n.", ErrRefused, "INST"},
		{"unknown opcode", "\x80\x02\xff.", ErrRefused, "0xff"},
		{"ordered dict from arguments", "\x80\x02ccollections\nOrderedDict\nN\x85R.", ErrRefused, "1 arguments"},
		{"storage type called", "\x80\x02ctorch\nFloatStorage\n)R.", ErrRefused, "torch.FloatStorage"},
		{"empty stack", "\x80\x02R.", ErrFormat, "empty stack"},
		{"no stop", "\x80\x02}", ErrFormat, "ends early"},
		{"mark as value", "\x80\x02}((s.", ErrFormat, "mark"},
		{"no mark", "\x80\x02}u.", ErrFormat, "mark"},
		{"long string", "\x80\x02X\xff\xff\xff\x7f.", ErrFormat, "string of"},
		{"unwritten slot", "\x80\x02h\x05.", ErrFormat, "slot 5"},
		{"not a dictionary", "\x80\x02K\x01.", ErrFormat, "not a dictionary"},
		{"no tensors", "\x80\x02}.", ErrFormat, "no tensors"},
		{"beyond the storage", dictOf("w", tensorOps(6, 1, "K\x06\x85", "K\x01\x85")), ErrFormat, "leaves its storage"},
		{"stride beyond", dictOf("w", tensorOps(6, 0, "K\x03\x85", "K\x03\x85")), ErrFormat, "leaves its storage"},
		{"storage larger than its bytes", dictOf("w", tensorOps(7, 0, "K\x07\x85", "K\x01\x85")), ErrFormat, "has 24 bytes"},
		{"huge by repetition", dictOf("w", tensorOps(6, 0, "J\xff\xff\xff\x7f\x85", "K\x00\x85")), ErrFormat, "leaves its storage"},
		{"product overflow", dictOf("w", tensorOps(6, 0, "\x8a\x05\x00\x00\x00\x00\x7fJ\xff\xff\xff\x7f\x86", "K\x00K\x00\x86")), ErrFormat, "shape"},
		{"negative size", dictOf("w", tensorOps(6, 0, "J\xff\xff\xff\xff\x85", "K\x01\x85")), ErrFormat, "size or stride"},
		{"sizes and strides differ", dictOf("w", tensorOps(6, 0, "K\x06\x85", ")")), ErrFormat, "1 sizes and 0 strides"},
		// 60 doublings of a tuple: an error that printed it would never end.
		{"tuple of tuples as id", "\x80\x02)" + strings.Repeat("q\x00h\x00\x86", 60) + "q\x00h\x00h\x00\x87h\x00h\x00\x86Q.", ErrFormat, ""},
		{"list in itself", "\x80\x02]q\x00h\x00a.", ErrFormat, "not a dictionary"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := pickleOf(t, tt.pickle)
			_, err := NewFile(r, r.Size())
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %v saying %q", err, tt.want, tt.says)
			}
		})
	}
}

// legacyFile is a file of the layout before PyTorch 1.6 with one tensor over a view of its storage.
func legacyFile() []byte {
	var b bytes.Buffer
	b.WriteString("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") + "\x88s.")
	view := "(" + text("v") + "K\x02K\x03t" // elements 2, 3, 4
	b.WriteString(dictOf("w", "ctorch._utils\n_rebuild_tensor_v2\n(("+text("storage")+"ctorch\nFloatStorage\n"+text("0")+
		text("cpu")+"K\x06"+view+"tQK\x01K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"))
	b.WriteString("\x80\x02]" + text("0") + "a.")
	binary.Write(&b, binary.LittleEndian, int64(6))
	for i := range 6 {
		binary.Write(&b, binary.LittleEndian, float32(i))
	}
	return b.Bytes()
}

func TestLegacyViewOfStorage(t *testing.T) {
	b := legacyFile()
	f, err := NewFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Float32("w"); err != nil || len(got) != 2 || got[0] != 3 || got[1] != 4 {
		t.Errorf("view = %v, %v, want [3 4]", got, err)
	}
}

// What is opened has tensors whose values can all be read and have the length of their shape; nothing panics, and no
// more memory is taken than a small multiple of the file's size and the bound on repeated elements.
func fuzz(f *testing.F, wholes ...[]byte) {
	for _, whole := range wholes {
		f.Add(whole)
		f.Add(whole[:len(whole)/2])
		f.Add(append(whole[:len(whole):len(whole)], "garbage"...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := NewFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, name := range c.Names() {
			v, err := c.Float32(name)
			if n, _ := elements(c.Shape(name)); err == nil && int64(len(v)) != n {
				t.Errorf("%s: %d values of shape %v", name, len(v), c.Shape(name))
			}
		}
	})
}

func FuzzSafetensors(f *testing.F) {
	whole, _, err := layOut([]Named{
		{Name: "a", Shape: []int{1, 2}, Data: make([]float32, 2)}, {Name: "b", Shape: []int{}, Data: []int64{1}},
	}, map[string]string{"k": "v"})
	if err != nil {
		f.Fatal(err)
	}
	fuzz(f, append(whole, make([]byte, 16)...))
}

func FuzzPth(f *testing.F) {
	r := pickleOf(f, dictOf("w", tensorOps(6, 0, "K\x03K\x02\x86", "K\x01K\x03\x86")))
	zipped := make([]byte, r.Size())
	r.ReadAt(zipped, 0)
	fuzz(f, zipped, legacyFile())
}

// FuzzPickle aims at the pickle machine without the zip around it.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(dictOf("w", tensorOps(6, 0, "K\x03K\x02\x86", "K\x01K\x03\x86"))))
	f.Add([]byte("\x80\x02cargparse\nNamespace\n)\x81q\x05}" + text("lr") + "G\x3f\xf0\x00\x00\x00\x00\x00\x00sb."))
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := unpickle(bytes.NewReader(data), func(id tuple) (any, error) { return storageOf(id) })
		if err == nil {
			_, err = stateDict(top)
		}
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrRefused) {
			t.Errorf("error of no kind: %v", err)
		}
	})
}
