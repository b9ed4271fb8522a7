// A hash index over a list that is used again for every call.

package keyed

// index finds entries of a list by their hashes, without an allocation per call.
type index struct {
	// slots has the places of entries in the list, from 1; 0 is free.
	slots  []uint32
	hashes []uint32
}

const slotsMin = 64

// clear forgets all entries.
func (x *index) clear() {
	clear(x.slots)
	x.hashes = x.hashes[:0]
}

// find gives the place of the entry with this hash that is the same; negative: there is none.
func (x *index) find(hash uint32, same func(at int) bool) int {
	if len(x.slots) == 0 {
		return -1
	}
	mask := uint32(len(x.slots) - 1)
	for i := hash & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if at := int(x.slots[i] - 1); x.hashes[at] == hash && same(at) {
			return at
		}
	}
	return -1
}

// add adds the next entry of the list.
func (x *index) add(hash uint32) {
	x.hashes = append(x.hashes, hash)
	if len(x.hashes)*2 <= len(x.slots) {
		x.put(len(x.hashes) - 1)
		return
	}
	x.slots = make([]uint32, max(slotsMin, 2*len(x.slots)))
	for at := range x.hashes {
		x.put(at)
	}
}

func (x *index) put(at int) {
	mask := uint32(len(x.slots) - 1)
	i := x.hashes[at] & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = uint32(at + 1)
}

// hashBytes is FNV-1a, with its bits mixed.
func hashBytes(bytes []byte) uint32 {
	hash := uint32(2166136261)
	for _, c := range bytes {
		hash = (hash ^ uint32(c)) * 16777619
	}
	return hash ^ hash>>15
}

// hashNumbers mixes two numbers.
func hashNumbers(a, b uint64) uint32 {
	hash := (a*0x9e3779b97f4a7c15 ^ b) * 0xc2b2ae3d27d4eb4f
	return uint32(hash>>32) ^ uint32(hash)
}
