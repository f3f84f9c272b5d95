package clean

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"github.com/imglish/imglish/pipeline"
)

// minHasher makes MinHash signatures (Broder, 1997): value i is the least value that permutation i gives to any shingle
// of the text. The share of equal values of two signatures estimates the share of shingles that the texts have in common.
type minHasher struct {
	shingle int
	a, b    []uint64 // permutation i: (a·h + b) mod prime
}

// prime is the Mersenne prime 2^61 − 1, whose remainders are cheap.
const prime = 1<<61 - 1

// newMinHasher draws n permutations from a fixed key, so that all signatures of all times can be compared.
func newMinHasher(shingle, n int) *minHasher {
	key := sha256.Sum256([]byte("imglish minhash 1"))
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(key[:]), binary.BigEndian.Uint64(key[8:])))
	m := &minHasher{shingle: shingle}
	for range n {
		m.a = append(m.a, 1+r.Uint64N(prime-1))
		m.b = append(m.b, r.Uint64N(prime))
	}
	return m
}

// sign makes the signature of a text: [n] uint32. Words are what stands between characters that are neither letters nor
// digits, in lower case. A text with fewer words than a shingle has is one shingle.
func (m *minHasher) sign(parts []*pipeline.Part) []uint32 {
	var words []string
	for _, p := range parts {
		words = append(words, strings.FieldsFunc(strings.ToLower(p.Text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})...)
	}
	sig := make([]uint32, len(m.a))
	for i := range sig {
		sig[i] = ^uint32(0)
	}
	var buf []byte
	for from := 0; from == 0 || from+m.shingle <= len(words); from++ {
		buf = buf[:0]
		for _, w := range words[from:min(from+m.shingle, len(words))] {
			buf = append(append(buf, w...), 0)
		}
		h := xxhash.Sum64(buf) % prime
		for i, a := range m.a {
			sig[i] = min(sig[i], uint32(modPrime(a, h, m.b[i])))
		}
	}
	return sig
}

// modPrime is (a·h + b) mod 2^61 − 1, for factors below the prime.
func modPrime(a, h, b uint64) uint64 {
	hi, lo := bits.Mul64(a, h)
	v := lo&prime + (hi<<3 | lo>>61) + b // 2^61 ≡ 1; below 3·2^61
	v = v&prime + v>>61
	if v >= prime {
		v -= prime
	}
	return v
}
