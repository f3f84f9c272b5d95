package scenes

import (
	"image"
)

// Truth is one line of truth.jsonl: what a picture file shows.
type Truth struct {
	File      string        `json:"file"` // within the folder; for images "synsets/ARCHIVE.tar/MEMBER"
	Kind      string        `json:"kind"` // "single", "two" or "group"
	Caption   string        `json:"caption"`
	Synset    string        `json:"synset,omitempty"`
	Ground    string        `json:"ground"` // colour
	Side      int           `json:"side"`   // pixels
	Objects   []TruthObject `json:"objects"`
	Questions []Question    `json:"questions"`
}

// TruthObject is one object of a picture.
type TruthObject struct {
	Shape   string     `json:"shape"`
	Colour  string     `json:"colour"`
	Texture string     `json:"texture"`
	Box     [4]int     `json:"box"`            // left, upper, right, lower in pixels, right and lower exclusive
	Area    int        `json:"area"`           // pixels
	Centre  [2]float64 `json:"centre"`         // shares of the side
	Size    float64    `json:"size"`           // share of the side
	Mask    string     `json:"mask,omitempty"` // a PNG within the folder, white inside
}

// Truth says what a picture of the scene shows. file is its name in the list.
func (s Scene) Truth(file string, side int) Truth {
	t := Truth{File: file, Kind: s.Kind.String(), Caption: s.Caption(), Ground: Colours[s.Ground], Side: side, Questions: s.Questions()}
	for i, o := range s.Objects {
		box, area := bounds(s.Mask(i, side))
		t.Objects = append(t.Objects, TruthObject{
			Shape: Shapes[o.Shape], Colour: Colours[o.Colour], Texture: Textures[o.Texture],
			Box: box, Area: area, Centre: [2]float64{o.X, o.Y}, Size: o.Size,
		})
	}
	return t
}

// Mask is what object i covers at least half: [side, side] uint8, 255 inside and 0 outside.
func (s Scene) Mask(i, side int) *image.Gray {
	alpha, r := s.Objects[i].mask(side)
	m := image.NewGray(image.Rect(0, 0, side, side))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if alpha.Pix[(y-r.Min.Y)*alpha.Stride+x-r.Min.X] >= 128 {
				m.Pix[y*m.Stride+x] = 255
			}
		}
	}
	return m
}

// bounds is the smallest box around a mask, and the number of its pixels.
func bounds(m *image.Gray) (box [4]int, area int) {
	box = [4]int{m.Rect.Dx(), m.Rect.Dy(), 0, 0}
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			if m.Pix[y*m.Stride+x] != 0 {
				box[0], box[1] = min(box[0], x), min(box[1], y)
				box[2], box[3] = max(box[2], x+1), max(box[3], y+1)
				area++
			}
		}
	}
	return box, area
}
