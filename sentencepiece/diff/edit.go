package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// pieceField is a piece of a model's file.
type pieceField struct {
	text  string
	score float32
	kind  uint64
}

// take splits a model's file into its pieces and the rest.
func take(data []byte) (pieces []pieceField, rest []byte) {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		size := n + protowire.ConsumeFieldValue(num, typ, data[n:])
		if num != 1 {
			rest = append(rest, data[:size]...)
			data = data[size:]
			continue
		}
		p := pieceField{kind: 1}
		field, _ := protowire.ConsumeBytes(data[n:])
		for len(field) > 0 {
			num, typ, n := protowire.ConsumeTag(field)
			size := n + protowire.ConsumeFieldValue(num, typ, field[n:])
			switch num {
			case 1:
				b, _ := protowire.ConsumeBytes(field[n:])
				p.text = string(b)
			case 2:
				v, _ := protowire.ConsumeFixed32(field[n:])
				p.score = math.Float32frombits(v)
			case 3:
				p.kind, _ = protowire.ConsumeVarint(field[n:])
			}
			field = field[size:]
		}
		pieces = append(pieces, p)
		data = data[size:]
	}
	return pieces, rest
}

// withoutField drops fields of a message inside of a message.
func withoutField(data []byte, message protowire.Number, fields ...protowire.Number) (out []byte) {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		size := n + protowire.ConsumeFieldValue(num, typ, data[n:])
		if num == message {
			inner, _ := protowire.ConsumeBytes(data[n:])
			var kept []byte
			for len(inner) > 0 {
				num, typ, n := protowire.ConsumeTag(inner)
				size := n + protowire.ConsumeFieldValue(num, typ, inner[n:])
				if !slices.Contains(fields, num) {
					kept = append(kept, inner[:size]...)
				}
				inner = inner[size:]
			}
			out = protowire.AppendBytes(protowire.AppendTag(out, num, typ), kept)
		} else {
			out = append(out, data[:size]...)
		}
		data = data[size:]
	}
	return out
}

// put is the reverse of take.
func put(pieces []pieceField, rest []byte) (data []byte) {
	for _, p := range pieces {
		var b []byte
		b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), p.text)
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(p.score))
		b = setting(b, 3, p.kind)
		data = message(data, 1, b)
	}
	return append(data, rest...)
}

func message(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

func setting(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

type edit = func([]byte, *rand.Rand, *corpus) []byte

// appended adds fields at the end of the file: a message that comes twice is one whose later fields count.
func appended(fields []byte) edit {
	return func(data []byte, _ *rand.Rand, _ *corpus) []byte { return append(data, fields...) }
}

func eachPiece(f func(p *pieceField, i int, rng *rand.Rand)) edit {
	return func(data []byte, rng *rand.Rand, _ *corpus) []byte {
		pieces, rest := take(data)
		for i := range pieces {
			f(&pieces[i], i, rng)
		}
		return put(pieces, rest)
	}
}

// shuffled is eachPiece with the pieces in a random order, so that types stand anywhere.
func shuffled(f func(p *pieceField, i int, rng *rand.Rand)) edit {
	return func(data []byte, rng *rand.Rand, _ *corpus) []byte {
		pieces, rest := take(data)
		rng.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		for i := range pieces {
			f(&pieces[i], i, rng)
		}
		return put(pieces, rest)
	}
}

func withoutUnknown(data []byte, _ *rand.Rand, _ *corpus) []byte {
	pieces, rest := take(data)
	var kept []pieceField
	for _, p := range pieces {
		if p.kind != 2 {
			kept = append(kept, p)
		}
	}
	return put(kept, rest)
}

// grown adds pieces up to size: substrings of real text, for BPE such as are two pieces joined, each after its parts.
func grown(size int, merges bool) edit {
	return func(data []byte, rng *rand.Rand, c *corpus) []byte {
		pieces, rest := take(data)
		var texts []string
		seen := map[string]bool{}
		lowest := float32(0)
		for _, p := range pieces {
			seen[p.text] = true
			if p.kind == 1 {
				texts = append(texts, p.text)
				lowest = min(lowest, p.score)
			}
		}
		for tries := 0; len(pieces) < size && tries < 50*size; tries++ {
			var t string
			if merges {
				t = texts[rng.IntN(len(texts))] + texts[rng.IntN(len(texts))]
			} else {
				words := strings.Fields(c.prose[rng.IntN(len(c.prose))])
				if len(words) == 0 {
					continue
				}
				w := []rune("▁" + words[rng.IntN(len(words))])
				from := rng.IntN(len(w))
				t = string(w[from : from+1+rng.IntN(len(w)-from)])
			}
			if n := len([]rune(t)); n < 2 || n > 16 || seen[t] || strings.IndexByte(t, 0) >= 0 {
				continue
			}
			seen[t] = true
			score := lowest - float32(len(pieces))/1000
			if !merges {
				score = -5 - 12*rng.Float32()
			}
			pieces = append(pieces, pieceField{t, score, 1})
			if len(texts) < 100_000 {
				texts = append(texts, t)
			}
		}
		return put(pieces, rest)
	}
}
