package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"unsafe"
)

// File is an open file of tensors. Values are read when asked for, so opening costs the header alone.
type File struct {
	path    string
	format  string
	r       io.ReaderAt
	size    int64
	close   func() error
	names   []string
	tensors map[string]entry
	meta    map[string]string

	sumOnce sync.Once
	sum     [32]byte
	sumErr  error
}

// entry says where a tensor's elements lie: element (i0, i1, …) is at byte at + (offset + Σ i·stride)·size.
type entry struct {
	dtype   DType
	shape   []int
	strides []int // nil if contiguous, row-major
	at      int64 // first byte of the storage in the file
	offset  int64 // first element within the storage
}

// Open opens a safetensors or PyTorch file and reads its header. The error names the file; it wraps ErrFormat where
// the content is damaged or of no known format, and ErrRefused where a pickle asks for more than tensors.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	var c *File
	if err == nil {
		c, err = NewFile(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open checkpoint %s: %w", path, err)
	}
	c.path, c.close = path, f.Close
	return c, nil
}

// NewFile is Open for content that lies elsewhere. The reader must stay valid as long as the File is used.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	c := &File{r: r, size: size, path: "checkpoint", tensors: map[string]entry{}, close: func() error { return nil }}
	var head [12]byte
	n, err := r.ReadAt(head[:min(int64(len(head)), size)], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case n >= 4 && string(head[:4]) == "PK\x03\x04":
		c.format = "pytorch zip"
		err = c.readZip()
	case n >= 2 && head[0] == 0x80 && head[1] == 2 && !looksLikeSafetensors(head[:n], size):
		c.format = "pytorch legacy"
		err = c.readLegacy()
	case looksLikeSafetensors(head[:n], size):
		c.format = "safetensors"
		err = c.readSafetensors()
	case string(head[:n]) == "version http": // …s://git-lfs.github.com/spec/v1
		err = damaged("a pointer of Git LFS, not the file that it stands for: git lfs pull fetches it")
	default:
		err = damaged("neither safetensors nor a PyTorch file")
	}
	if err != nil {
		return nil, err
	}
	for name := range c.tensors {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	return c, nil
}

// Close releases the file.
func (f *File) Close() error { return f.close() }

// Format is "safetensors", "pytorch zip" or "pytorch legacy".
func (f *File) Format() string { return f.format }

// Path is the name that the file was opened by.
func (f *File) Path() string { return f.path }

// Names lists the tensors in alphabetical order. Wrappers such as "model" around a state dictionary are taken off.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Has reports whether there is a tensor of that name.
func (f *File) Has(name string) bool { _, ok := f.tensors[name]; return ok }

// Shape is the lengths of a tensor's axes, nil if there is no such tensor. A scalar has an empty shape.
func (f *File) Shape(name string) []int {
	e, ok := f.tensors[name]
	if !ok {
		return nil
	}
	return append([]int{}, e.shape...)
}

// DType is the type in which a tensor is stored, "" if there is no such tensor.
func (f *File) DType(name string) DType { return f.tensors[name].dtype }

// Metadata is the free text that a safetensors file carries; nil for other formats.
func (f *File) Metadata() map[string]string { return f.meta }

// SHA256 is the hash of the whole file, computed once.
func (f *File) SHA256() ([32]byte, error) {
	f.sumOnce.Do(func() {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f.r, 0, f.size)); err != nil {
			f.sumErr = fmt.Errorf("hash %s: %w", f.path, err)
			return
		}
		h.Sum(f.sum[:0])
	})
	return f.sum, f.sumErr
}

// Float32 reads a tensor's values, row-major, as float32, whatever numeric type they are stored in.
func (f *File) Float32(name string) ([]float32, error) { return f.AppendFloat32([]float32{}, name) }

// AppendFloat32 is Float32 behind the values in dst. Who reads tensor after tensor into one buffer saves the system the
// work of finding fresh memory for each, which costs more than reading.
func (f *File) AppendFloat32(dst []float32, name string) ([]float32, error) {
	e, n, err := f.lookup(name)
	if err != nil {
		return dst, err
	}
	held := len(dst)
	dst = slices.Grow(dst, int(n))[:held+int(n)]
	if values := dst[held:]; e.dtype == F32 && e.strides == nil && n > 0 {
		err = f.readFloats(values, e.at+4*e.offset)
	} else {
		err = f.each(e, n, func(from, to int64, raw []byte) error { return decodeFloats(values[from:to], raw, e.dtype) })
	}
	if err != nil {
		return dst[:held], fmt.Errorf("%s: tensor %s: %w", f.path, name, err)
	}
	return dst, nil
}

// readFloats reads what is stored as it lies in memory: nothing is copied but by the system.
func (f *File) readFloats(dst []float32, at int64) error {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*len(dst))
	if err := f.readAt(raw, at); err != nil {
		return err
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return nil
	}
	return decodeFloats(dst, raw, F32) // each element is read before it is written
}

// Ints reads the values of an integer or boolean tensor, row-major.
func (f *File) Ints(name string) ([]int64, error) {
	e, n, err := f.lookup(name)
	if err != nil {
		return nil, err
	}
	dst := make([]int64, n)
	err = f.each(e, n, func(from, to int64, raw []byte) error { return decodeInts(dst[from:to], raw, e.dtype) })
	if err != nil {
		return nil, fmt.Errorf("%s: tensor %s: %w", f.path, name, err)
	}
	return dst, nil
}

func (f *File) lookup(name string) (entry, int64, error) {
	e, ok := f.tensors[name]
	if !ok {
		return e, 0, fmt.Errorf("%s: tensor %s: %w", f.path, name, ErrMissing)
	}
	if e.dtype.Size() == 0 {
		return e, 0, fmt.Errorf("%s: tensor %s: %w: elements of type %s", f.path, name, ErrFormat, e.dtype)
	}
	n, ok := elements(e.shape)
	if !ok {
		return e, 0, fmt.Errorf("%s: tensor %s: %w: shape %v", f.path, name, ErrFormat, e.shape)
	}
	return e, n, nil
}

const chunkBytes = 1 << 20 // what each reads at once, so that converting needs little memory besides the result

// each hands the raw elements [from, to) of e, in row-major order, to fn, piece by piece.
func (f *File) each(e entry, n int64, fn func(from, to int64, raw []byte) error) error {
	size := int64(e.dtype.Size())
	if n == 0 {
		return nil
	}
	if e.strides != nil {
		return f.eachStrided(e, n, fn)
	}
	buf := make([]byte, min(n*size, chunkBytes))
	for from := int64(0); from < n; {
		to := min(n, from+int64(len(buf))/size)
		raw := buf[:(to-from)*size]
		if err := f.readAt(raw, e.at+(e.offset+from)*size); err != nil {
			return err
		}
		if err := fn(from, to, raw); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// eachStrided reads the part of the storage that the tensor spans and gathers its elements.
func (f *File) eachStrided(e entry, n int64, fn func(from, to int64, raw []byte) error) error {
	size := int64(e.dtype.Size())
	span := make([]byte, spanOf(e.shape, e.strides)*size)
	if err := f.readAt(span, e.at+e.offset*size); err != nil {
		return err
	}
	raw := make([]byte, n*size)
	index := make([]int, len(e.shape))
	for i := range n {
		at := int64(0)
		for a, v := range index {
			at += int64(v) * int64(e.strides[a])
		}
		copy(raw[i*size:(i+1)*size], span[at*size:])
		for a := len(index) - 1; a >= 0; a-- {
			if index[a]++; index[a] < e.shape[a] {
				break
			}
			index[a] = 0
		}
	}
	return fn(0, n, raw)
}

func (f *File) readAt(p []byte, off int64) error {
	n, err := f.r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// elements is the product of a shape, false if an axis is negative or the product does not fit.
func elements(shape []int) (int64, bool) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d != 0 && n > math.MaxInt64/16/int64(d) {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}

// spanOf is the number of storage elements from a tensor's first to its last. The shape has no empty axis.
func spanOf(shape, strides []int) int64 {
	last := int64(0)
	for a, d := range shape {
		last += int64(d-1) * int64(strides[a])
	}
	return last + 1
}
