package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// generator is keyed by what is drawn, so a draw does not depend on the ones before it.
func generator(seed uint64, purpose string, a, b int) *rand.Rand {
	h := sha256.Sum256(fmt.Appendf(nil, "vqkd train\x00%s\x00%d\x00%d\x00%d", purpose, seed, a, b))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])))
}
