package train

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/imglish/imglish/pixels"
)

// Images is a set of pictures by number. Image may be called from several goroutines; the result is not changed.
type Images interface {
	Name() string // for reports; other pictures have another
	Len() int
	Image(i int) (*pixels.Image, error)
}

// Source is pictures and how often they are drawn, relative to the other sources.
type Source struct {
	Images
	Weight float64
}

// folder is the image files below a folder.
type folder struct {
	name  string
	files []string

	mu   sync.Mutex
	kept map[int]*pixels.Image // decoded, as long as there is room
	room int                   // bytes
}

const (
	keptSide     = 1024       // of the shorter side of a decoded picture, in pixels
	folderCache  = 256 << 20  // bytes of decoded pictures: a hundred photos
	maxFileBytes = 64 << 20   // of an image file
	maxFiles     = 10_000_000 // of a folder
)

// Folder lists the JPEG, PNG, GIF and WebP files below a folder, in the order of their names. Links to files count as
// files; links to folders below it are not followed. Pictures whose shorter side is above 1024 pixels come out at 1024.
func Folder(dir string) (Images, error) {
	f := &folder{kept: map[int]*pixels.Image{}, room: folderCache}
	root, err := filepath.EvalSymlinks(dir) // WalkDir follows no link
	if err != nil {
		return nil, fmt.Errorf("pictures in %s: %w", dir, err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ext := strings.ToLower(filepath.Ext(path))
		if slices.Contains([]string{".jpg", ".jpeg", ".png", ".gif", ".webp"}, ext) && isFile(path, d) {
			f.files = append(f.files, path)
		}
		if len(f.files) > maxFiles {
			return fmt.Errorf("more than %d pictures", maxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pictures in %s: %w", dir, err)
	}
	if len(f.files) == 0 {
		return nil, fmt.Errorf("pictures in %s: there is no .jpg, .png, .gif or .webp file", dir)
	}
	slices.Sort(f.files)
	names := sha256.New() // a state must not go on with other pictures; where the folder lies does not matter
	for _, file := range f.files {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(names, "%q\n", filepath.ToSlash(rel))
	}
	f.name = fmt.Sprintf("%s, file names %.4x", filepath.Base(filepath.Clean(dir)), names.Sum(nil))
	return f, nil
}

// isFile counts a link by what it leads to. One that leads nowhere is a file that cannot be read, so that it is told of.
func isFile(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	st, err := os.Stat(path)
	return err != nil || st.Mode().IsRegular()
}

func (f *folder) Name() string { return f.name }
func (f *folder) Len() int     { return len(f.files) }

func (f *folder) Image(i int) (*pixels.Image, error) {
	f.mu.Lock()
	im := f.kept[i]
	f.mu.Unlock()
	if im != nil {
		return im, nil
	}
	if st, err := os.Stat(f.files[i]); err != nil {
		return nil, err
	} else if st.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are read", f.files[i], st.Size(), maxFileBytes)
	}
	data, err := os.ReadFile(f.files[i])
	if err != nil {
		return nil, err
	}
	im, _, err = pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.files[i], err)
	}
	if short := min(im.W, im.H); short > keptSide { // crops end far below that; shrinking each time anew would be slow
		im = im.Resize(im.W*keptSide/short, im.H*keptSide/short, pixels.Bicubic)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room >= len(im.Pix) && f.kept[i] == nil {
		f.room -= len(im.Pix)
		f.kept[i] = im
	}
	return im, nil
}

// pool draws pictures of several sources, from the side for training or from the one for measuring.
type pool struct {
	sources []Source
	total   float64
	train   [][]int // by source
	held    [][]int

	mu     sync.Mutex
	unread map[[2]int]bool // pictures that could not be read, by source and number
	first  error           // why the first of them could not
}

// fewPictures is where a source is parted within each picture: of so few, whole ones held out would say little.
const (
	fewPictures = 64
	heldPart    = 4 // then the last quarter of each picture is held out
)

// newPool parts each source: a share of its pictures is held out, or, of few pictures, a part of each. No pixel is on
// both sides.
func newPool(sources []Source, seed uint64, share float64) (*pool, error) {
	p := &pool{sources: sources, unread: map[[2]int]bool{}}
	for s, src := range sources {
		if src.Len() == 0 || !(src.Weight > 0) {
			return nil, fmt.Errorf("tokenizer training: source %s has %d pictures, weight %v", src.Name(), src.Len(), src.Weight)
		}
		p.total += src.Weight
		order := generator(seed, "held out", s, 0).Perm(src.Len())
		if src.Len() < fewPictures {
			p.train, p.held = append(p.train, order), append(p.held, order)
			continue
		}
		n := min(max(int(share*float64(src.Len())+0.5), 1), src.Len()-1)
		p.held, p.train = append(p.held, order[:n]), append(p.train, order[n:])
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("tokenizer training: no pictures; give folders, or a number of scenes")
	}
	return p, nil
}

// part cuts out the side of a picture that is held out, or the other, along its longer axis.
func part(im *pixels.Image, held bool) *pixels.Image {
	length := max(im.W, im.H)
	if length < heldPart {
		return im // too small to be parted
	}
	from, n := 0, length-length/heldPart
	if held {
		from, n = n, length/heldPart
	}
	if im.W >= im.H {
		return im.Crop(from, 0, n, im.H)
	}
	return im.Crop(0, from, im.W, n)
}

// Unread says how many pictures could not be read so far, and why the first could not.
func (p *pool) Unread() (n int, first error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.unread), p.first
}

func (p *pool) noteUnread(source, i int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unread[[2]int{source, i}] = true
	if p.first == nil {
		p.first = err
	}
}

// draw takes a picture. One that cannot be read is noted and passed over for another, and an error comes only when many
// in a row fail.
func (p *pool) draw(rng *rand.Rand, held bool) (*pixels.Image, error) {
	var last error
	for range 20 {
		at := rng.Float64() * p.total
		s := 0
		for at -= p.sources[0].Weight; at >= 0 && s < len(p.sources)-1; at -= p.sources[s].Weight {
			s++
		}
		side := p.train[s]
		if held {
			side = p.held[s]
		}
		i := side[rng.IntN(len(side))]
		im, err := p.sources[s].Image(i)
		if err == nil {
			if p.sources[s].Len() < fewPictures {
				im = part(im, held)
			}
			return im, nil
		}
		p.noteUnread(s, i, err)
		last = err
	}
	return nil, fmt.Errorf("tokenizer training: 20 pictures in a row cannot be read, the last: %w", last)
}
