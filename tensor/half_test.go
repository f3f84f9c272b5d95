package tensor_test

import (
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x83ff: -1023 * 0x1p-24, 0x3555: 1365 * 0x1p-12,
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := tensor.FromF16(h); float64(got) != want {
			t.Errorf("half %#04x = %v, want %v", h, got, want)
		}
	}
	for h := range 1 << 16 {
		f := tensor.FromF16(uint16(h))
		if number := h>>10&31 != 31 || h&1023 == 0; number != (f == f) {
			t.Errorf("half %#04x = %v", h, f)
		} else if back := tensor.ToF16(f); number && back != uint16(h) {
			t.Errorf("half %#04x = %v, which rounds to %#04x", h, f, back)
		}
	}
}
