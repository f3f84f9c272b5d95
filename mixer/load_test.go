package mixer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/mixer/masking"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

func load(t testing.TB, m *mixer.Mixer, step int64) (mixer.Batch, []*mixer.Micro) {
	t.Helper()
	b, micros, err := m.Batch(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	return b, collect(t, micros)
}

func collect(t testing.TB, micros func(func(*mixer.Micro, error) bool)) (list []*mixer.Micro) {
	t.Helper()
	for mi, err := range micros {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, mi)
	}
	return list
}

// The micro-batches of a step hold its rows in order, with the pixels, codes and ids that the shards have, masked by
// the rules: targets say what was replaced, bos and eos stay, and the numbers of masked pieces and patches are right.
func TestMicros(t *testing.T) {
	m := open(t, sizes.write(t), nil)
	for step := range int64(12) {
		b, micros := load(t, m, step)
		var rows []mixer.Row
		for _, mi := range micros {
			rows = append(rows, mi.Rows...)
			if mi.N != len(mi.Rows) || mi.N > 4 {
				t.Fatalf("micro-batch of %d rows says %d, at most 4", len(mi.Rows), mi.N)
			}
			for i, r := range mi.Rows {
				if r.Kind != mi.Kind {
					t.Fatalf("a row of %v in a micro-batch of %v", r.Kind, mi.Kind)
				}
				if mi.Kind != pipeline.Kind_TEXT {
					checkView(t, mi, i, r)
				}
				if mi.Kind != pipeline.Kind_IMAGE {
					checkText(t, mi, i, r)
				}
			}
		}
		if want := slices.Concat(b.Image, b.Text, b.Pair); !reflect.DeepEqual(rows, want) {
			t.Fatalf("step %d: the micro-batches hold other rows than the batch", step)
		}
	}
}

func checkView(t *testing.T, mi *mixer.Micro, i int, r mixer.Row) {
	t.Helper()
	const p, g = 3 * side * side, grid * grid
	if mi.S != side || mi.G != grid || len(mi.Pixels) != mi.N*p || len(mi.Codes) != mi.N*g || len(mi.VMask) != mi.N*g {
		t.Fatalf("%v micro-batch: S %d, G %d, %d pixels, %d codes, %d mask for %d rows", mi.Kind, mi.S, mi.G, len(mi.Pixels), len(mi.Codes), len(mi.VMask), mi.N)
	}
	if !slices.Equal(mi.Pixels[i*p:(i+1)*p], pixelsOf(r.ID, r.View)) || !slices.Equal(mi.Codes[i*g:(i+1)*g], viewOf(r.ID, r.View).Codes) {
		t.Errorf("row %d (id %x, view %d) has other pixels or codes than its shard", i, r.ID, r.View)
	}
	want, _ := masking.Paper(masking.Rand(7, "vision mask", r.Epoch, r.ID, r.View, r.Part), grid, grid)
	if !slices.Equal(mi.VMask[i*g:(i+1)*g], want) {
		t.Errorf("row %d has another mask than its key gives", i)
	}
}

func checkText(t *testing.T, mi *mixer.Micro, i int, r mixer.Row) {
	t.Helper()
	ids, targets := mi.InputIDs[mi.CuSeqlens[i]:mi.CuSeqlens[i+1]], mi.Targets[mi.CuSeqlens[i]:mi.CuSeqlens[i+1]]
	plain := partOf(r.ID, r.Part).IDs
	share, most := 0.15, 510
	if mi.Kind == pipeline.Kind_PAIR {
		share, most = 0.5, 62
	}
	plain = plain[:min(len(plain), most)]
	if len(ids) != len(plain)+2 || ids[0] != textual.Special.BOS || ids[len(ids)-1] != textual.Special.EOS ||
		targets[0] != mixer.Ignore || targets[len(targets)-1] != mixer.Ignore {
		t.Fatalf("row %d: ids %v, targets %v, want bos, %d pieces, eos", i, ids, targets, len(plain))
	}
	masked := 0
	for j, id := range ids[1 : len(ids)-1] {
		switch target := targets[1+j]; {
		case target == mixer.Ignore:
			if id != plain[j] {
				t.Errorf("row %d: piece %d is %d, the shard has %d, and no target says so", i, j, id, plain[j])
			}
		case target != plain[j]:
			t.Errorf("row %d: target %d is %d, the shard has %d", i, j, target, plain[j])
		default:
			masked++
			if id != textual.Special.Mask && (id < 4 || id >= vocab-1) {
				t.Errorf("row %d: masked piece %d became %d, which is no mask and no piece", i, j, id)
			}
		}
	}
	if want := masking.Count(len(plain), share); masked != want {
		t.Errorf("row %d: %d of %d pieces masked, want %d", i, masked, len(plain), want)
	}
}

// The data of a step does not depend on workers, on how far ahead they run, or on the steps before; only where
// micro-batches end depends on their bounds.
func TestMicrosDoNotDependOnWorkers(t *testing.T) {
	st := sizes.write(t)
	_, want := load(t, open(t, st, func(c *mixer.Config) { c.Workers, c.Ahead = 1, 1 }), 6)
	_, got := load(t, open(t, st, func(c *mixer.Config) { c.Workers, c.Ahead = 7, 9 }), 6)
	if !reflect.DeepEqual(got, want) {
		t.Error("7 workers make other micro-batches than 1")
	}
	_, got = load(t, open(t, st, func(c *mixer.Config) { c.MicroRows = 3; c.MicroBytes = 3*side*side*2 + 1 }), 6)
	for _, mi := range got {
		if mi.Kind != pipeline.Kind_TEXT && mi.N > 2 {
			t.Errorf("a micro-batch of %d views, and two fill the bytes", mi.N)
		}
	}
	var a, b mixer.Micro
	for _, mi := range want {
		join(&a, mi)
	}
	for _, mi := range got {
		join(&b, mi)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("other bounds make other data")
	}
}

func join(sum, mi *mixer.Micro) {
	sum.Pixels, sum.Codes, sum.VMask = append(sum.Pixels, mi.Pixels...), append(sum.Codes, mi.Codes...), append(sum.VMask, mi.VMask...)
	sum.InputIDs, sum.Targets, sum.Rows = append(sum.InputIDs, mi.InputIDs...), append(sum.Targets, mi.Targets...), append(sum.Rows, mi.Rows...)
}

// The same row in another epoch has another mask.
func TestMasksDifferBetweenEpochs(t *testing.T) {
	m := open(t, data{texts: 12, images: 6}.write(t), func(c *mixer.Config) { c.Pairs, c.HeldOut, c.TextMask = 0, 0, 0.5 })
	masks := map[string]map[string]int{}
	for step := range int64(40) {
		_, micros := load(t, m, step)
		for _, mi := range micros {
			for i, r := range mi.Rows {
				key, mask := fmt.Sprintf("%x/%d/%d", r.ID, r.View, r.Part), ""
				if mi.Kind == pipeline.Kind_IMAGE {
					mask = string(mi.VMask[i*grid*grid : (i+1)*grid*grid])
				} else if n := mi.CuSeqlens[i+1] - mi.CuSeqlens[i]; n < 12 {
					continue // short texts have few masks to choose from
				} else {
					mask = fmt.Sprint(mi.Targets[mi.CuSeqlens[i]:mi.CuSeqlens[i+1]])
				}
				if masks[key] == nil {
					masks[key] = map[string]int{}
				}
				masks[key][mask]++
			}
		}
	}
	for key, m := range masks {
		n := 0
		for _, k := range m {
			n += k
		}
		if n > 3 && len(m) == 1 {
			t.Errorf("row %s was masked the same way in %d epochs", key, n)
		}
	}
}

// Held-out rows load unmasked for whoever masks by other rules, and always with the same mask for the others.
func TestHeldOut(t *testing.T) {
	m := open(t, sizes.write(t), nil)
	rows := slices.Concat(m.HeldOut(pipeline.Kind_IMAGE, 3), m.HeldOut(pipeline.Kind_PAIR, 2), m.HeldOut(pipeline.Kind_TEXT, 2))
	if len(rows) != 7 {
		t.Fatalf("%d held-out rows, want 7", len(rows))
	}
	for _, mi := range collect(t, m.Load(t.Context(), rows, mixer.Unmasked)) {
		if slices.Contains(mi.VMask, 1) || slices.ContainsFunc(mi.Targets, func(id int32) bool { return id != mixer.Ignore }) {
			t.Errorf("an unmasked micro-batch of %v is masked", mi.Kind)
		}
		for i, r := range mi.Rows {
			if mi.Kind == pipeline.Kind_TEXT {
				continue
			}
			if !slices.Equal(mi.Pixels[i*3*side*side:(i+1)*3*side*side], pixelsOf(r.ID, 0)) {
				t.Errorf("held-out row %x has other pixels than view 0", r.ID)
			}
		}
	}
	if !reflect.DeepEqual(collect(t, m.Load(t.Context(), rows, mixer.Masked)), collect(t, m.Load(t.Context(), rows, mixer.Masked))) {
		t.Error("held-out rows are masked differently each time")
	}
}

// Leaving a sequence early, or cancelling it, ends the work behind it.
func TestLeaveEarly(t *testing.T) {
	m := open(t, sizes.write(t), func(c *mixer.Config) { c.MicroRows = 1 })
	before := runtime.NumGoroutine()
	_, micros, err := m.Batch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for range micros {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, micros, err = m.Batch(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range micros {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled sequence ends with %v, want context.Canceled", last)
	}
	// A goroutine that has said that it is done still counts until the scheduler has taken it down.
	after := runtime.NumGoroutine()
	for end := time.Now().Add(2 * time.Minute); after > before && time.Now().Before(end); after = runtime.NumGoroutine() {
		time.Sleep(time.Millisecond)
	}
	if after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// A damaged shard is an error that names the shard, the row and the id.
func TestDamagedShard(t *testing.T) {
	st := sizes.write(t)
	m := open(t, st, nil)
	damaged := 0
	for info, err := range st.List(t.Context(), "image/") {
		if err != nil {
			t.Fatal(err)
		}
		b, err := st.Get(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		for i := 100; i < len(b)-3000; i += 7 {
			b[i] ^= 0x55
		}
		if _, err := st.Put(t.Context(), info.Key, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		damaged++
	}
	if damaged == 0 {
		t.Fatal("no shards to damage")
	}
	b, micros, err := m.Batch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range micros {
		if err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), b.Image[0].Shard) || !strings.Contains(err.Error(), fmt.Sprintf("%x", b.Image[0].ID)) {
		t.Errorf("loading from damaged shards: %v, want an error that names %s", err, b.Image[0].Shard)
	}
}

func ExampleMixer() {
	ctx := context.Background()
	st, _ := store.Open("path/to/data") // the data folder of a line that has run
	c := mixer.Defaults()
	c.Images, c.Texts, c.Pairs = 64, 64, 64
	m, err := mixer.Open(ctx, st, c, mixer.Options{})
	if errors.Is(err, shards.ErrNoShards) {
		fmt.Println("nothing to train on yet")
		return
	}
	defer m.Close()
	for step := range int64(1000) {
		batch, micros, _ := m.Batch(ctx, step)
		for micro, err := range micros {
			fmt.Println(micro.Kind, micro.N, err)
		}
		fmt.Printf("%d %x\n", batch.Step, batch.Digest)
	}
	// Output: nothing to train on yet
}

func BenchmarkLoad(b *testing.B) {
	m := open(b, data{images: 400, pairs: 400, texts: 400}.write(b), func(c *mixer.Config) { c.Images, c.Texts, c.Pairs = 64, 64, 64 })
	step := int64(0)
	for b.Loop() {
		load(b, m, step)
		step++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(step)/192, "µs/row")
}
