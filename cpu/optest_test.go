package cpu_test

import (
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/optest"
)

// tiles, added to an instruction set, asks for AMX's products on tiles in plain C.
const tiles cpu.ISA = 16

// each runs f for every instruction set that the machine has, and for AMX's way on others.
func each(t *testing.T, f func(t *testing.T, isa cpu.ISA)) {
	for _, isa := range []cpu.ISA{cpu.Generic, cpu.AVX2, cpu.AVX512, cpu.VNNI, cpu.AMX, cpu.Generic | tiles, cpu.AVX512 | tiles} {
		name := (isa &^ tiles).String()
		if isa&tiles != 0 {
			name += "-tiles"
		}
		t.Run(name, func(t *testing.T) {
			if !cpu.Has(isa &^ tiles) {
				t.Skip("not on this processor")
			}
			f(t, isa)
		})
	}
}

func open(t testing.TB, isa cpu.ISA, threads int) tensor.Backend {
	t.Helper()
	set := isa
	if isa > 0 {
		set &^= tiles
	}
	b, err := cpu.NewWith(cpu.Options{Threads: threads, ISA: set})
	if err != nil {
		t.Fatal(err)
	}
	if set != isa {
		return cpu.WithTiles(b)
	}
	return b
}

func TestOps(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		optest.Run(t, func(threads int) tensor.Backend { return open(t, isa, threads) }, optest.Float32)
	})
}

func TestHeads(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		b := open(t, isa, 2)
		defer b.Close()
		optest.Heads(t, b, 1e-5)
	})
}
