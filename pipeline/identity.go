package pipeline

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"
)

// RecordSchema is the version of Record. A reader refuses records of another version.
const RecordSchema = 1

// SampleID is the first 16 bytes of SHA-256 over dataset, key and revision, separated by zero bytes.
func SampleID(dataset, key, revision string) []byte {
	h := sha256.New()
	for i, s := range []string{dataset, key, revision} {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(s))
	}
	return h.Sum(nil)[:16]
}

// uuidBytes is the id of a line as records hold it. Ids are checked when they are read.
func uuidBytes(text string) []byte {
	id := uuid.MustParse(text)
	return id[:]
}

// uuidText shows the id of a line.
func uuidText(b []byte) string {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return fmt.Sprintf("%x", b)
	}
	return id.String()
}
