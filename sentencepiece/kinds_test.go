package sentencepiece_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/imglish/imglish/sentencepiece"
)

// The models of testdata/kinds are of every type, with normalisers, piece types and scores that the others do not have.
// The expected values are the original's: go run ./sentencepiece/diff -golden sentencepiece/testdata/kinds.
func TestKindsEqualOriginal(t *testing.T) {
	models, err := filepath.Glob("testdata/kinds/*.model")
	if err != nil || len(models) != 16 {
		t.Fatalf("%d models, want 16; error %v", len(models), err)
	}
	type scored struct {
		Score float32
		IDs   []int32
	}
	type result struct {
		Text    []byte
		Times   int
		SHA256  string
		IDs     []int32
		Pieces  []string
		Spans   [][2]int
		Normal  []byte
		Decoded []byte
		Spelled []byte
		NBest   []scored
	}
	for _, path := range models {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := sentencepiece.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			wants := readLines[result](t, strings.TrimSuffix(path, ".model")+".jsonl")
			whole, long, best := 0, 0, 0
			for _, want := range wants {
				if want.Times > 0 {
					long++
					text := strings.Repeat(string(want.Text), want.Times)
					e := m.Encode(text)
					ids, err := json.Marshal(e.IDs)
					if err != nil {
						t.Fatal(err)
					}
					if sum := sha256.Sum256(ids); hex.EncodeToString(sum[:]) != want.SHA256 {
						t.Errorf("%.80q, %d times: other ids", text, want.Times)
					}
					if !slices.Equal(e.IDs, m.AppendRaw(nil, text)) {
						t.Errorf("%.80q, %d times: ids alone are others", text, want.Times)
					}
					continue
				}
				whole++
				text := string(want.Text)
				e := m.Encode(text)
				got := result{
					Text: want.Text, IDs: e.IDs, Pieces: e.Pieces, Spans: e.Spans, Normal: []byte(m.Normalize(text)),
					Decoded: []byte(m.Decode(e.IDs)), Spelled: []byte(m.DecodePieces(e.Pieces)),
				}
				if len(want.NBest) > 0 {
					best++
					all, err := m.NBest(text, 10) // scores and order are those of the best ten
					if err != nil {
						t.Fatal(err)
					}
					for _, b := range all[:min(len(all), len(want.NBest))] {
						got.NBest = append(got.NBest, scored{b.Score, b.IDs})
					}
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q (-want +got):\n%s", text, diff)
				}
				if diff := cmp.Diff(want.IDs, m.AppendRaw(nil, text), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q, ids alone (-want +got):\n%s", text, diff)
				}
			}
			if whole < 35 || long != 1 || strings.HasPrefix(filepath.Base(path), "uni_") != (best >= 10) {
				t.Errorf("%d texts, %d long ones, %d with n-best lists", whole, long, best)
			}
		})
	}
}
