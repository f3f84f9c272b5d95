package cpu_test

import (
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/optest"
)

// each runs f for every instruction set that the machine has.
func each(t *testing.T, f func(t *testing.T, isa cpu.ISA)) {
	for _, isa := range []cpu.ISA{cpu.Generic, cpu.AVX2, cpu.AVX512, cpu.VNNI} {
		t.Run(isa.String(), func(t *testing.T) {
			if !cpu.Has(isa) {
				t.Skip("not on this processor")
			}
			f(t, isa)
		})
	}
}

func open(t testing.TB, isa cpu.ISA, threads int) tensor.Backend {
	t.Helper()
	b, err := cpu.NewWith(cpu.Options{Threads: threads, ISA: isa})
	if err != nil {
		t.Fatal(err)
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
