package mixer

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/imglish/imglish/pipeline"
)

// order gives the epochs of one list: which unit stands at which place.
type order struct {
	seed uint64
	list *list

	mu     sync.Mutex
	epochs []epochOrder // the last few asked, newest first
}

type epochOrder struct {
	epoch int
	at    []uint32 // place in the epoch → index into list.train
}

// keptEpochs: a batch lies in one epoch or across the border of two.
const keptEpochs = 2

// epoch returns the order of an epoch. Units stand in the order of a hash over (seed, epoch, id, part), equal hashes in
// that of (id, part).
func (o *order) epoch(e int) []uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.epochs {
		if k.epoch == e {
			return k.at
		}
	}
	type keyed struct {
		hash  uint64
		index uint32
	}
	all := make([]keyed, len(o.list.train))
	var key []byte
	for i := range all {
		var hash uint64
		hash, key = o.hash(key[:0], e, &o.list.train[i])
		all[i] = keyed{hash, uint32(i)}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index))
	})
	at := make([]uint32, len(all))
	for i, k := range all {
		at[i] = k.index
	}
	o.epochs = slices.Insert(o.epochs, 0, epochOrder{e, at})
	o.epochs = o.epochs[:min(len(o.epochs), keptEpochs)]
	return at
}

// hash is the first 8 bytes, little-endian, of SHA-256 over the same key as masking.Rand's: the purpose "order" with its
// length, seed, epoch, id, and for a text the number of the part. key is scratch and is returned for reuse.
func (o *order) hash(key []byte, epoch int, u *unit) (uint64, []byte) {
	const purpose = "order"
	key = binary.LittleEndian.AppendUint64(key, uint64(len(purpose)))
	key = append(key, purpose...)
	key = binary.LittleEndian.AppendUint64(key, o.seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(int64(epoch)))
	key = append(key, u.id[:]...)
	if o.list.kind == pipeline.Kind_TEXT {
		key = binary.LittleEndian.AppendUint64(key, uint64(u.n))
	}
	sum := sha256.Sum256(key)
	return binary.LittleEndian.Uint64(sum[:]), key
}

// take returns the rows at places [from, from+n) of the endless sequence of epochs.
func (o *order) take(ix *index, from int64, n int) []Row {
	rows := make([]Row, n)
	size := int64(len(o.list.train))
	for i := 0; i < n; {
		epoch, place := int((from+int64(i))/size), (from+int64(i))%size
		at := o.epoch(epoch)
		for ; i < n && place < size; i, place = i+1, place+1 {
			rows[i] = o.list.train[at[place]].rowIn(ix, o.list.kind, epoch)
		}
	}
	return rows
}
