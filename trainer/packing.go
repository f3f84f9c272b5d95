package trainer

import (
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
)

// cut spreads micro-batches over packs of at most maxRows rows of the model; a sample that is longer has a pack alone.
func cut(c *ModelConfig, micros []*mixer.Micro, maxRows int) (packs [][]*mixer.Micro) {
	var open []*mixer.Micro
	rows := 0
	for _, mi := range micros {
		from := 0
		for i := range mi.N {
			n := sampleRows(c, mi, i)
			if rows > 0 && rows+n > maxRows {
				if from < i {
					open = append(open, slice(mi, from, i))
				}
				packs, open, rows, from = append(packs, open), nil, 0, i
			}
			rows += n
		}
		if from < mi.N {
			open = append(open, slice(mi, from, mi.N))
		}
	}
	if len(open) > 0 {
		packs = append(packs, open)
	}
	return packs
}

// sampleRows is how many rows of the model sample i takes.
func sampleRows(c *ModelConfig, mi *mixer.Micro, i int) int {
	n := 0
	if mi.Kind != pipeline.Kind_TEXT {
		n += c.visionRows()
	}
	if mi.Kind != pipeline.Kind_IMAGE {
		n += int(mi.CuSeqlens[i+1] - mi.CuSeqlens[i])
	}
	return n
}

// slice is the rows [from, to) of a micro-batch; the data is shared.
func slice(mi *mixer.Micro, from, to int) *mixer.Micro {
	if from == 0 && to == mi.N {
		return mi
	}
	s := &mixer.Micro{Kind: mi.Kind, N: to - from, S: mi.S, G: mi.G}
	if len(mi.Rows) == mi.N {
		s.Rows = mi.Rows[from:to]
	}
	if mi.Kind != pipeline.Kind_TEXT {
		pixels, cells := mi.S*mi.S*3, mi.G*mi.G
		s.Pixels = mi.Pixels[from*pixels : to*pixels]
		s.Codes, s.VMask = mi.Codes[from*cells:to*cells], mi.VMask[from*cells:to*cells]
	}
	if mi.Kind != pipeline.Kind_IMAGE {
		a, z := mi.CuSeqlens[from], mi.CuSeqlens[to]
		s.InputIDs, s.Targets = mi.InputIDs[a:z], mi.Targets[a:z]
		for _, at := range mi.CuSeqlens[from : to+1] {
			s.CuSeqlens = append(s.CuSeqlens, at-a)
		}
	}
	return s
}
