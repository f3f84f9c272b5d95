package scenes

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// Kind is what a scene shows.
type Kind uint8

const (
	Single Kind = iota // one object
	Two                // two objects of different shape and colour, side by side or one above the other
	Group              // two to four equal objects
)

func (k Kind) String() string { return [...]string{"single", "two", "group"}[k] }

// Object is one thing in a scene. Lengths are shares of the picture's side, from the upper left corner.
type Object struct {
	Shape   int     // index into Shapes
	Colour  int     // index into Colours
	Texture int     // index into Textures
	X, Y    float64 // centre
	Size    float64 // diameter of the circle that the shape fits in
	Angle   float64 // radians, clockwise
	Grain   float64 // radians, direction of the texture
}

// Scene is what there is to see. The same Scene renders at any size.
type Scene struct {
	Kind    Kind
	Ground  int // index into Colours
	Objects []Object

	relation int        // of Two, index into relations
	phrase   uint64     // chooses the caption's template
	light    [3]float64 // direction and strength of the ground's gradient
	noise    uint64     // seed of the ground's unevenness
}

// New makes scene i of a seed.
func New(seed uint64, i int) Scene {
	r := generator(seed, "scene", i)
	kind := Single
	switch v := r.Float64(); {
	case v > 0.75:
		kind = Group
	case v > 0.5:
		kind = Two
	}
	return compose(r, kind)
}

// NewSingle makes scene i of a series that shows one object each, for pictures that carry a label and no caption.
func NewSingle(seed uint64, i int) Scene {
	return compose(generator(seed, "single", i), Single)
}

// generator is keyed by seed, purpose and number alone.
func generator(seed uint64, purpose string, i int) *rand.Rand {
	key := binary.BigEndian.AppendUint64(nil, seed)
	key = append(key, purpose...)
	key = append(key, 0)
	key = binary.BigEndian.AppendUint64(key, uint64(i))
	sum := sha256.Sum256(key)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
}

func compose(r *rand.Rand, kind Kind) Scene {
	colours := r.Perm(len(Colours)) // the first few are uniform and distinct
	s := Scene{
		Kind:   kind,
		Ground: colours[0],
		phrase: r.Uint64(),
		noise:  r.Uint64(),
		light:  [3]float64{r.Float64() * 2 * math.Pi, 0.05 + 0.2*r.Float64(), 0},
	}
	switch kind {
	case Single:
		o := newObject(r, r.IntN(len(Shapes)), colours[1])
		o.Size = 0.34 + 0.08*r.Float64() // small
		if r.IntN(2) == 1 {
			o.Size = 0.50 + 0.14*r.Float64() // large
		}
		o.X, o.Y = between(r, o.Size), between(r, o.Size)
		s.Objects = []Object{o}
	case Two:
		shapes := r.Perm(len(Shapes))
		s.relation = r.IntN(len(relations))
		for i := range 2 {
			o := newObject(r, shapes[i], colours[1+i])
			o.Size = 0.28 + 0.12*r.Float64()
			along := 0.27 + 0.02*(r.Float64()*2-1)
			if i == 1 {
				along = 1 - along
			}
			across := 0.5 + 0.12*(r.Float64()*2-1)
			o.X, o.Y = along, across
			if relations[s.relation].vertical {
				o.X, o.Y = across, along
			}
			s.Objects = append(s.Objects, o)
		}
		if relations[s.relation].reversed {
			s.Objects[0], s.Objects[1] = s.Objects[1], s.Objects[0]
		}
	case Group:
		n := 2 + r.IntN(3)
		first := newObject(r, r.IntN(len(Shapes)), colours[1])
		first.Size = 0.39 - 0.04*float64(n-2) - 0.03*r.Float64()
		for _, at := range scatter(r, n, first.Size) {
			o := first
			o.X, o.Y = at[0], at[1]
			o.Angle += 0.2 * (r.Float64()*2 - 1)
			s.Objects = append(s.Objects, o)
		}
	}
	return s
}

// newObject draws all that does not depend on the place.
func newObject(r *rand.Rand, shape, colour int) Object {
	o := Object{Shape: shape, Colour: colour, Angle: shapes[shape].turn * (r.Float64()*2 - 1), Grain: r.Float64() * math.Pi}
	if v := r.Float64(); v > 0.6 {
		o.Texture = 1 + r.IntN(2)
	}
	return o
}

// between draws a coordinate of the centre so that the object lies inside.
func between(r *rand.Rand, size float64) float64 {
	m := size/2 + 0.02
	return m + (1-2*m)*r.Float64()
}

// scatter draws n centres that keep their distance. It starts over after many failures, so it always ends well: the
// sizes leave ample room.
func scatter(r *rand.Rand, n int, size float64) [][2]float64 {
	for {
		var out [][2]float64
	next:
		for range 60 {
			at := [2]float64{between(r, size), between(r, size)}
			for _, o := range out {
				if math.Hypot(o[0]-at[0], o[1]-at[1]) < 1.1*size {
					continue next
				}
			}
			if out = append(out, at); len(out) == n {
				return out
			}
		}
	}
}
