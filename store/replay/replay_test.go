package replay_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/storetest"
)

func sample(n int) *pipeline.Sample {
	o := &pipeline.Origin{Dataset: "cc12m", Key: fmt.Sprint(n), Revision: "r", Url: "http://example.org/" + fmt.Sprint(n)}
	return &pipeline.Sample{Id: pipeline.SampleID(o.Dataset, o.Key, o.Revision), Kind: pipeline.Kind_PAIR, Source: o,
		Image: &pipeline.Image{}, Parts: []*pipeline.Part{{Text: strings.Repeat("a caption ", n%50)}}}
}

// read returns how often each skip stands in the lists, having compared its sample.
func read(t *testing.T, lists replay.Lists) map[replay.Place]int {
	t.Helper()
	got := map[replay.Place]int{}
	for list, err := range lists.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		samples, err := lists.Samples(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range list.Rows {
			got[row.Place]++
			if want := sample(int(row.Seq)); !proto.Equal(samples[i], want) {
				t.Fatalf("%s row %d is %v, want %v", list.Key, i, samples[i], want)
			}
		}
	}
	return got
}

func TestListsHoldEachSkipOnce(t *testing.T) {
	st := storetest.NewMemory()
	lists := replay.Open(st)
	if any, err := lists.Any(t.Context()); any || err != nil {
		t.Errorf("Any of nothing = %v, %v", any, err)
	}
	const n = 10_000
	for range 2 {
		w, err := lists.Writer(t.Context(), "line")
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := w.Add(t.Context(), replay.Place{Lane: i % 3, Seq: uint64(i)}, "fetch", sample(i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if any, err := lists.Any(t.Context()); !any || err != nil {
		t.Errorf("Any = %v, %v", any, err)
	}
	got := read(t, lists)
	for p, times := range got {
		if times != 1 {
			t.Fatalf("%v stands in the lists %d times", p, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d skips in the lists, want %d", len(got), n)
	}
}

// dying is a store whose writer dies at a random call: from then on it gets errors, and the last write may have worked
// without the writer being told.
type dying struct {
	store.Store
	r    *rand.Rand
	left int
}

var errDied = errors.New("died")

func (d *dying) PutIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	if d.left--; d.left < 0 {
		if d.left == -1 && d.r.IntN(2) == 0 {
			_, _ = d.Store.PutIfAbsent(ctx, key, data)
		}
		return false, errDied
	}
	return d.Store.PutIfAbsent(ctx, key, data)
}

// Writers that run at once, die at any call and begin again put each skip into the lists once.
func TestManyWriters(t *testing.T) {
	st := storetest.NewMemory()
	lists := replay.Open(st)
	const n, writers = 9000, 4
	var wg sync.WaitGroup
	added := make([]int, writers)
	for k := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(k)))
			for lives := 0; ; lives++ {
				at := replay.Open(&dying{Store: st, r: r, left: r.IntN(3) + lives})
				w, err := at.Writer(t.Context(), "line")
				if err != nil {
					t.Error(err)
					return
				}
				for i := range n {
					if err = w.Add(t.Context(), replay.Place{Lane: 1, Seq: uint64(i)}, "fetch", sample(i)); err != nil {
						break
					}
				}
				a, _, e := w.Close(t.Context())
				added[k] += a
				if err == nil && e == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	got := read(t, lists)
	for p, times := range got {
		if times != 1 {
			t.Fatalf("%v stands in the lists %d times", p, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d skips in the lists, want %d (writers added %v)", len(got), n, added)
	}
}

func TestDamagedLists(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"longer", func(b []byte) []byte { return append(b, 'x') }},
		{"flipped in the samples", func(b []byte) []byte { b[len(b)-3] ^= 1; return b }},
		{"flipped in the header", func(b []byte) []byte { b[3] ^= 1; return b }},
		{"no header", func([]byte) []byte { return []byte("nonsense") }},
		{"empty", func([]byte) []byte { return nil }},
	} {
		st := storetest.NewMemory()
		lists := replay.Open(st)
		w, err := lists.Writer(t.Context(), "line")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if err := w.Add(t.Context(), replay.Place{Seq: uint64(i)}, "fetch", sample(i)); err != nil {
				t.Fatal(err)
			}
		}
		if added, others, err := w.Close(t.Context()); added != 5 || others != 0 || err != nil {
			t.Fatalf("Close = %d, %d, %v", added, others, err)
		}
		keys, err := lists.Keys(t.Context())
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		b, err := st.Get(t.Context(), keys[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Put(t.Context(), keys[0], strings.NewReader(string(tt.damage(append([]byte{}, b...))))); err != nil {
			t.Fatal(err)
		}
		list, err := lists.Read(t.Context(), keys[0])
		if err == nil {
			_, err = lists.Samples(t.Context(), list)
		}
		if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), keys[0]) {
			t.Errorf("%s: %v, want damage at %s", tt.name, err, keys[0])
		}
	}
	st := storetest.NewMemory()
	if _, err := st.Put(t.Context(), "replay/list-0000000002", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Open(st).Keys(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a list that is gone: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"schema\":1,\"line\":\"\",\"sha256\":\"\",\"rows\":[{\"lane\":0,\"seq\":0,\"id\":\"" + hex.EncodeToString(make([]byte, 16)) + "\",\"bytes\":1}]}\nx"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		st := storetest.NewMemory()
		if _, err := st.PutIfAbsent(t.Context(), "replay/list-0000000001", data); err != nil {
			t.Fatal(err)
		}
		lists := replay.Open(st)
		list, err := lists.Read(t.Context(), "replay/list-0000000001")
		if err != nil {
			return
		}
		samples, err := lists.Samples(t.Context(), list)
		if err == nil && len(samples) != len(list.Rows) {
			t.Errorf("%d samples of %d rows", len(samples), len(list.Rows))
		}
	})
}

// A reset makes rows of the lists that were there then count no more, where the stage that had skipped them works again.
func TestVoid(t *testing.T) {
	st := storetest.NewMemory()
	lists := replay.Open(st)
	if err := lists.Void(t.Context(), "of nothing", []string{"fetch"}); err != nil {
		t.Fatal(err)
	}
	add := func(stage string, from, to int) {
		t.Helper()
		w, err := lists.Writer(t.Context(), "line")
		if err != nil {
			t.Fatal(err)
		}
		for n := from; n < to; n++ {
			if err := w.Add(t.Context(), replay.Place{Seq: uint64(n)}, stage, sample(n)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	add("fetch", 0, 3)
	add("view", 3, 6)
	for range 2 {
		if err := lists.Void(t.Context(), "second", []string{"clean", "view", "shard"}); err != nil {
			t.Fatal(err)
		}
	}
	add("view", 0, 6) // those of fetch stand in a list that counts, those of view may come again
	if got := read(t, lists); got[replay.Place{Seq: 2}] != 1 || got[replay.Place{Seq: 5}] != 2 {
		t.Errorf("skips in the lists: %v", got)
	}
	voids, err := lists.Voids(t.Context())
	if err != nil || len(voids) != 1 {
		t.Fatalf("Voids = %v, %v", voids, err)
	}
	for _, tt := range []struct {
		list  int
		stage string
		want  bool
	}{{1, "fetch", false}, {1, "view", true}, {2, "view", true}, {2, "shard", true}, {3, "view", false}} {
		s := sample(1)
		replay.Mark(s, tt.list, tt.stage)
		if got := voids.Marked(s); got != tt.want || voids.Has(tt.list, tt.stage) != tt.want {
			t.Errorf("list %d, stage %s: void %v, want %v", tt.list, tt.stage, got, tt.want)
		}
	}
	if voids.Marked(sample(1)) || voids.Marked(nil) {
		t.Error("a sample of no list is void")
	}
	if _, err := st.Put(t.Context(), "replay/void-x.json", strings.NewReader("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := lists.Voids(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a damaged void: %v", err)
	}
}
