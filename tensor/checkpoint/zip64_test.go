package checkpoint

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// zip64 writes members as files above 4 GiB have them: sizes and offsets stand in zip64 extra fields, the 32-bit fields
// are all ones, and the directory is found through the zip64 end record. Payloads are aligned to 64 bytes by a padding
// extra field that only the local header has.
func zip64(names []string, data [][]byte) []byte {
	var b, dir bytes.Buffer
	put := func(w *bytes.Buffer, values ...any) {
		for _, v := range values {
			binary.Write(w, binary.LittleEndian, v)
		}
	}
	const all = 0xffffffff
	for i, name := range names {
		at, size, sum := uint64(b.Len()), uint64(len(data[i])), crc32.ChecksumIEEE(data[i])
		head := 30 + len(name) + 20 + 4 // header, name, zip64 field, padding field's own head
		pad := (64 - (b.Len()+head)%64) % 64
		put(&b, uint32(0x04034b50), uint16(45), uint16(0), uint16(0), uint32(0), sum, uint32(all), uint32(all),
			uint16(len(name)), uint16(20+4+pad), []byte(name),
			uint16(1), uint16(16), size, size, // zip64
			uint16(0x4246), uint16(pad), bytes.Repeat([]byte("Z"), pad))
		b.Write(data[i])
		put(&dir, uint32(0x02014b50), uint16(45), uint16(45), uint16(0), uint16(0), uint32(0), sum, uint32(all), uint32(all),
			uint16(len(name)), uint16(28), uint16(0), uint16(0), uint16(0), uint32(0), uint32(all), []byte(name),
			uint16(1), uint16(24), size, size, at)
	}
	start, n := uint64(b.Len()), uint64(len(names))
	b.Write(dir.Bytes())
	end := uint64(b.Len())
	put(&b, uint32(0x06064b50), uint64(44), uint16(45), uint16(45), uint32(0), uint32(0), n, n, end-start, start)
	put(&b, uint32(0x07064b50), uint32(0), end, uint32(1))
	put(&b, uint32(0x06054b50), uint16(0), uint16(0), uint16(0xffff), uint16(0xffff), uint32(all), uint32(all), uint16(0))
	return b.Bytes()
}

func TestZip64(t *testing.T) {
	var raw []byte
	for i := range 6 {
		raw = binary.LittleEndian.AppendUint32(raw, 0x3f800000+uint32(i)<<20)
	}
	pickle := dictOf("model", "}"+text("w")+tensorOps(6, 1, "K\x05\x85", "K\x01\x85")+"s")
	file := zip64([]string{"weights/data.pkl", "weights/data/0", "weights/version"}, [][]byte{[]byte(pickle), raw, []byte("3\n")})
	f, err := NewFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Float32("w")
	if want := []float32{1.125, 1.25, 1.375, 1.5, 1.625}; err != nil || !slices.Equal(got, want) {
		t.Errorf("w = %v, %v, want %v", got, err, want)
	}
	// A storage that is said to lie beyond the end is found.
	at := bytes.Index(file, []byte("weights/data/0"))
	cut := file[:at]
	if _, err := NewFile(bytes.NewReader(cut), int64(len(cut))); err == nil {
		t.Error("a cut file gives no error")
	}
}
