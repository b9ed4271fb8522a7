// Scanning a map: what the host has, with what was changed.

package keyed

import (
	"bytes"
	"math"
	"slices"
	"unsafe"

	maps "weir/internal/bindings/weir_operator_maps"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/host"
	"weir/internal/wit"
)

// scan merges what the host has with what was changed.
func (m *mapOfCall[K, V]) scan(key uint32, within Range[K], limit int) []Entry[K, V] {
	lower, upper := maps.MakeBoundUnbounded(), maps.MakeBoundUnbounded()
	low, high := m.start(key), m.start(key+1)
	switch {
	case within.From.Valid:
		low = bytes.Clone(m.order(key, &within.From.Value))
		lower = maps.MakeBoundIncluded(m.one(&within.From.Value))
	case within.After.Valid:
		low = append(bytes.Clone(m.order(key, &within.After.Value)), 0)
		lower = maps.MakeBoundExcluded(m.one(&within.After.Value))
	}
	switch {
	case within.To.Valid:
		high = append(bytes.Clone(m.order(key, &within.To.Value)), 0)
		upper = maps.MakeBoundIncluded(m.one(&within.To.Value))
	case within.Before.Valid:
		high = bytes.Clone(m.order(key, &within.Before.Value))
		upper = maps.MakeBoundExcluded(m.one(&within.Before.Value))
	}
	if bytes.Compare(low, high) >= 0 || limit < 1 {
		return nil
	}
	changed := m.changedBetween(key, low, high)
	var found, page []Entry[K, V]
	more := true
	for len(found) < limit {
		if len(page) == 0 && more {
			page, more = m.page(key, lower, upper, uint32(min(limit-len(found), math.MaxUint32)))
			if len(page) > 0 {
				lower = maps.MakeBoundExcluded(m.one(&page[len(page)-1].Key))
			}
			continue
		}
		if len(page) == 0 && len(changed) == 0 {
			break
		}
		order := 1 // which comes first: negative, the host's; zero, both are the same entry
		if len(page) > 0 && len(changed) > 0 {
			order = bytes.Compare(m.order(key, &page[0].Key), m.orderOf(&changed[0]))
		} else if len(page) > 0 {
			order = -1
		}
		if order < 0 {
			found = append(found, page[0])
		} else {
			if own := &changed[0]; own.state.value.Valid {
				found = append(found, Entry[K, V]{own.id, own.state.value.Value})
				m.unshare(&found[len(found)-1])
			}
			changed = changed[1:]
		}
		if order <= 0 {
			page = page[1:]
		}
	}
	return found
}

// start gives bytes that all entries of a key come after.
func (m *mapOfCall[K, V]) start(key uint32) []byte {
	return []byte{byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)}
}

// changedBetween gives the entries that were changed, in order.
func (m *mapOfCall[K, V]) changedBetween(key uint32, low, high []byte) []entryOfCall[K, V] {
	var changed []entryOfCall[K, V]
	for at := m.last(key); at >= 0; at = m.entries[at].before {
		entry := m.entries[at]
		if order := m.orderOf(&entry); entry.state.changed && bytes.Compare(order, low) >= 0 && bytes.Compare(order, high) < 0 {
			changed = append(changed, entry)
		}
	}
	slices.SortFunc(changed, func(a, b entryOfCall[K, V]) int { return bytes.Compare(m.orderOf(&a), m.orderOf(&b)) })
	return changed
}

// one gives a key as the only row of its columns, which last.
func (m *mapOfCall[K, V]) one(id *K) []wire.Node {
	m.keys.check(unsafe.Pointer(id), m.of.name)
	columns := column.NewColumns(m.keys.row)
	columns.Append(unsafe.Pointer(id), 0, 1)
	return columns.Nodes()
}

// page reads the next entries that the host has.
func (m *mapOfCall[K, V]) page(key uint32, lower, upper maps.Bound, limit uint32) ([]Entry[K, V], bool) {
	result := host.MapScan(m.index, key, lower, upper, limit)
	if result.Tag() == wit.ResultErr {
		panic(refusal("the map " + m.of.name + ": " + result.Err()))
	}
	page := result.Ok()
	entries := make([]Entry[K, V], page.Entries)
	if len(entries) == 0 {
		return nil, false
	}
	fail := func(int, string) {}
	size := unsafe.Sizeof(entries[0])
	m.keys.rows.Read(&wire.Batch{Rows: page.Entries, Columns: page.EntryKeys}, 0, len(entries), unsafe.Pointer(&entries[0].Key), size, fail)
	m.values.rows.Read(&wire.Batch{Rows: page.Entries, Columns: page.Values}, 0, len(entries), unsafe.Pointer(&entries[0].Value), size, fail)
	for i := range entries {
		m.unshare(&entries[i])
	}
	return entries, page.More
}

// unshare gives an entry its own memory.
func (m *mapOfCall[K, V]) unshare(entry *Entry[K, V]) {
	column.Unshare(m.keys.row.Fields, unsafe.Pointer(&entry.Key))
	column.Unshare(m.values.row.Fields, unsafe.Pointer(&entry.Value))
}
