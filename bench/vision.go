package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/imglish/imglish/bench/peak"
	"github.com/imglish/imglish/tensor"
)

// visionCells are the comparisons of the visual tokenizer: each batch on one thread and on all, beside peers that compute
// in float32 and beside those that compute in bfloat16.
func visionCells() []comparison {
	var all []comparison
	for _, narrow := range []bool{false, true} {
		name, about := "vision", "pictures to visual words beside peers in float32"
		if narrow {
			name, about = "bf16-vision", "the same beside peers in bfloat16"
		}
		for _, threads := range slices.Compact([]int{1, runtime.NumCPU()}) {
			for _, batch := range []int{1, 8, 32} {
				c := visionCell{batch: batch, threads: threads, narrow: narrow}
				all = append(all, comparison{
					fmt.Sprintf("%s-b%d-t%d", name, batch, threads), fmt.Sprintf("%s, batches of %d, %d threads", about, batch, threads), c.run, true,
				})
			}
		}
	}
	return all
}

// visionCell is one table: a batch size and a number of threads.
type visionCell struct {
	batch, threads int
	narrow         bool
}

// Multiply-accumulates of a picture: 12 blocks over 197 rows of 768, the patches, the head, and the products with 8192
// codes of 32.
const macs = 12*(197*768*(3*768+768+2*4*768)+2*197*197*768) + 196*(768*768+768*768+768*32+32*8192)

// visionPeer is a contestant: a process that encodes as many batches as it is told.
type visionPeer struct {
	server
	narrow bool   // in bfloat16
	tier   string // of ours: exact or fast; of a peer: none
	count  int    // batches of a sample
	rates  []float64
	cpu    []float64 // seconds of CPU a picture
	memory int64
	codes  []uint16
}

func (c visionCell) peers(h *host, d visionData) []*visionPeer {
	var avx2 []string
	if h.isa == "avx2" {
		avx2 = []string{"ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2", "DNNL_MAX_CPU_ISA=AVX2", "MKL_ENABLE_INSTRUCTIONS=AVX2",
			"PYTHONPATH=" + filepath.Join(d.dir, "avx2")}
	}
	avx2 = append(avx2, "TORCHINDUCTOR_CACHE_DIR="+filepath.Join(d.dir, "inductor"))
	python := func(name, venv, script, weights, precision, mode string) *visionPeer {
		return &visionPeer{narrow: precision != "float32", server: server{name: name, env: avx2, args: []string{
			filepath.Join(d.dir, venv, "bin", "python"), filepath.Join("bench/peers/vision", script), weights, d.pictures,
			strconv.Itoa(c.threads), strconv.Itoa(c.batch), precision, mode,
		}}}
	}
	imglish := func(name string, p tensor.Precision) *visionPeer {
		task, err := json.Marshal(visionTask{
			Weights: d.weights, Pictures: d.pictures, Threads: c.threads, Batch: c.batch, ISA: h.isa, Precision: p, Profile: h.profile,
		})
		if err != nil {
			panic(err) // strings and numbers
		}
		return &visionPeer{tier: p.String(), server: server{name: name, args: []string{os.Args[0]}, env: []string{visionVariable + "=" + string(task)}}}
	}
	all := []*visionPeer{
		imglish("imglish", tensor.Exact),
		imglish("imglish, fast", tensor.Fast),
		python("PyTorch", "torch", "pytorch.py", d.weights, "float32", "eager"),
		python("PyTorch, compiled", "torch", "pytorch.py", d.weights, "float32", "compiled"),
		python("ONNX Runtime", "onnxruntime", "onnx_runtime.py", d.onnx, "float32", ""),
		python("OpenVINO", "openvino", "open_vino.py", d.onnx, "float32", ""),
		python("PyTorch, bf16", "torch", "pytorch.py", d.weights, "bfloat16", "eager"),
		python("PyTorch, bf16, compiled", "torch", "pytorch.py", d.weights, "bfloat16", "compiled"),
		python("PyTorch, autocast", "torch", "pytorch.py", d.weights, "autocast", "eager"),
		python("OpenVINO, bf16", "openvino", "open_vino.py", d.onnx, "bfloat16", ""),
	}
	return slices.DeleteFunc(all, func(p *visionPeer) bool { return p.tier == "" && p.narrow != c.narrow || !h.wants(p.name) })
}

// run compares the codes, then times contestants in turn.
func (c visionCell) run(ctx context.Context, h *host) (err error) {
	d, err := prepareVision(ctx, filepath.Join(h.cache, "vision"))
	if err != nil {
		return err
	}
	all := c.peers(h, d)
	defer func() {
		for _, p := range all {
			err = errors.Join(err, p.stop())
		}
	}()
	for _, p := range all {
		if err := p.sayCodes(ctx); err != nil {
			return err
		}
		if err := p.warmUp(ctx); err != nil {
			return err
		}
	}
	if err := sameCodes(all); err != nil {
		return err
	}
	for round := range h.rounds {
		for i := range all {
			p := all[(i+round)%len(all)]
			if err := p.sample(ctx, c.batch); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "bench: batch %d, %d threads: round %d of %d: %-24s %7.2f images/s\n",
				c.batch, c.threads, round+1, h.rounds, p.name, p.rates[round])
		}
	}
	c.print(h, all)
	return nil
}

func (p *visionPeer) sayCodes(ctx context.Context) error {
	text, err := p.ask(ctx, "codes")
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return fmt.Errorf("%s: codes: %w", p.name, err)
	}
	p.codes = make([]uint16, len(raw)/2)
	for i := range p.codes {
		p.codes[i] = binary.BigEndian.Uint16(raw[2*i:])
	}
	return nil
}

// sampleSeconds is how long one sample lasts at least: long enough for the clock of the CPU time, 10 ms.
const sampleSeconds = 1.5

// warmUp finds how many batches make a sample.
func (p *visionPeer) warmUp(ctx context.Context) error {
	for p.count = 1; ; p.count *= 2 {
		took, err := p.encode(ctx)
		if err != nil || took > sampleSeconds/2 {
			p.count = int(float64(p.count)*sampleSeconds/took) + 1
			return err
		}
	}
}

func (p *visionPeer) encode(ctx context.Context) (seconds float64, err error) {
	text, err := p.ask(ctx, strconv.Itoa(p.count))
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

func (p *visionPeer) sample(ctx context.Context, batch int) error {
	pid := p.cmd.Process.Pid
	before, err := processCPU(pid)
	if err != nil {
		return err
	}
	took, err := p.encode(ctx)
	if err != nil {
		return err
	}
	after, err := processCPU(pid)
	if err != nil {
		return err
	}
	images := float64(p.count * batch)
	p.rates = append(p.rates, images/took)
	p.cpu = append(p.cpu, (after-before).Seconds()/images)
	p.memory = resident(pid)
	return nil
}

// allowedInFloat32 is the share of codes in which another order of additions may choose otherwise, between two codes that
// are as near as rounding.
const allowedInFloat32 = 0.001

// sameCodes holds every float32 peer to ours.
func sameCodes(all []*visionPeer) error {
	ours := ofTier(all, "exact")
	if ours == nil {
		return nil
	}
	for _, p := range all {
		n := p.differ(ours)
		if len(p.codes) != len(ours.codes) || p.tier == "" && !p.narrow && float64(n) > allowedInFloat32*float64(len(p.codes)) {
			return fmt.Errorf("%s: %d codes, %d of them not ours (%d): it computes something else", p.name, len(p.codes), n, len(ours.codes))
		}
	}
	return nil
}

// ofTier is ours of that tier, nil if it does not take part.
func ofTier(all []*visionPeer, tier string) *visionPeer {
	if i := slices.IndexFunc(all, func(p *visionPeer) bool { return p.tier == tier }); i >= 0 {
		return all[i]
	}
	return nil
}

func (p *visionPeer) differ(from *visionPeer) (n int) {
	for i := range min(len(p.codes), len(from.codes)) {
		if p.codes[i] != from.codes[i] {
			n++
		}
	}
	return n
}

// peakKind is the instruction that a contestant's products can use at best, and how many of its products make one of theirs.
func (p *visionPeer) peakKind(h *host) (k peak.Kind, products float64, ok bool) {
	type use struct {
		kind     peak.Kind
		products float64
	}
	fast := p.tier == tensor.Fast.String()
	uses := []use{{peak.FloatAVX512, 1}, {peak.FloatAVX2, 1}}
	switch {
	case fast && h.isa == "avx2":
		uses = []use{{peak.Int16AVX2, 1}}
	case h.isa == "avx2":
		uses = []use{{peak.FloatAVX2, 1}}
	case fast:
		uses = []use{{peak.Int8AMX, 4}, {peak.Int16AVX512, 1}, {peak.Int16AVX2, 1}}
	case p.tier != "": // exact
		uses = append([]use{{peak.Int8AMX, 6}}, uses...)
	case p.narrow:
		uses = append([]use{{peak.BF16AMX, 1}, {peak.BF16AVX512, 1}}, uses...)
	}
	for _, u := range uses {
		if slices.Contains(peak.All(), u.kind) {
			return u.kind, u.products, true
		}
	}
	return 0, 0, false
}

func (c visionCell) print(h *host, all []*visionPeer) {
	fmt.Printf("batches of %d, %d threads, %s, %d rounds:\n\n", c.batch, c.threads, h.isa, h.rounds)
	w := newTable()
	fmt.Fprintln(w, "\timages/s\tspread\texact to it\tspread\tfast to it\tspread\tof the peak\tCPU s an image\tmemory MiB\tother codes\t")
	exact, fast := ofTier(all, "exact"), ofTier(all, "fast")
	for _, p := range all {
		share, other := "", ""
		if k, products, ok := p.peakKind(h); ok {
			share = fmt.Sprintf("%.0f %% of %v", 100*median(p.rates)*macs*products/peak.Rate(k, c.threads, 300*time.Millisecond), k)
		}
		if exact != nil {
			other = fmt.Sprintf("%d of %d", p.differ(exact), len(p.codes))
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f-%.2f\t%s\t%s\t%s\t%.3f\t%d\t%s\t\n", p.name, median(p.rates), slices.Min(p.rates), slices.Max(p.rates),
			exact.times(p), fast.times(p), share, median(p.cpu), p.memory>>20, other)
	}
	w.Flush()
	fmt.Println()
}

// times is how many times as fast as another one it is, as two cells.
func (p *visionPeer) times(other *visionPeer) string {
	if p == nil {
		return "\t"
	}
	return relative(p.rates, other.rates)
}
