// One map during a call: entries that were read, entries that were changed, and taking a row's changes back.

package keyed

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	delta "weir/internal/bindings/weir_operator_keyed"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/engine"
	"weir/internal/host"
	"weir/internal/value"
	"weir/internal/wit"
)

type refusal = engine.Refusal

// mapsOfCall are the maps of an operator during a call: what was read is kept, what was changed is seen by the rows that follow.
type mapsOfCall struct {
	all []anyMapOfCall
}

type anyMapOfCall interface {
	begin()
	prefetch()
	end(counts bool)
	finish() (delta.MapChanges, bool)
}

func newMaps(declared []AnyMap) (*mapsOfCall, []wire.MapLayout, error) {
	maps, layouts := &mapsOfCall{}, []wire.MapLayout{}
	for i, one := range declared {
		made, layout, err := one.connect(uint32(i))
		if err != nil {
			return nil, nil, err
		}
		maps.all, layouts = append(maps.all, made), append(layouts, layout)
	}
	return maps, layouts, nil
}

func (m *mapsOfCall) begin() {
	for _, one := range m.all {
		one.begin()
	}
}

func (m *mapsOfCall) prefetch() {
	for _, one := range m.all {
		one.prefetch()
	}
}

func (m *mapsOfCall) end(counts bool) {
	for _, one := range m.all {
		one.end(counts)
	}
}

func (m *mapsOfCall) finish() []delta.MapChanges {
	var all []delta.MapChanges
	for _, one := range m.all {
		if changes, is := one.finish(); is {
			all = append(all, changes)
		}
	}
	return all
}

// mapOfCall is one map during a call.
type mapOfCall[K, V any] struct {
	of           *Map[K, V]
	index        uint32
	keys, values side
	entries      []entryOfCall[K, V]
	// found finds an entry by its key of the stream and its own, as bytes in order, one behind the other in orders.
	found   index
	orders  []byte
	scratch []byte
	// lasts has the place of the last entry of each key of the stream, from 1; 0: there is none.
	lasts []int
	// undo has what the row that is processed changed.
	undo []undo[V]
	// ids of the keys that the host is asked for.
	ids []uint32
	// id and value are those of an entry that is looked for or set.
	id    K
	value value.Opt[V]
}

type entryOfCall[K, V any] struct {
	key uint32
	// from and to are where its bytes in order are.
	from, to int
	// before is the place of the entry of the same key before it; negative: there is none.
	before int
	id     K
	state  entryState[V]
}

type entryState[V any] struct {
	value value.Opt[V]
	// known says that the value is right; changed that the host does not have it.
	known, changed bool
}

type undo[V any] struct {
	at     int
	before entryState[V]
}

func (m *mapOfCall[K, V]) begin() {
	m.entries, m.undo, m.orders = m.entries[:0], m.undo[:0], m.orders[:0]
	m.found.clear()
	m.lasts = m.lasts[:0]
}

func (m *mapOfCall[K, V]) end(counts bool) {
	for i := len(m.undo) - 1; i >= 0 && !counts; i-- {
		m.entries[m.undo[i].at].state = m.undo[i].before
	}
	m.undo = m.undo[:0]
}

// last gives the place of the last entry of a key; negative: there is none.
func (m *mapOfCall[K, V]) last(key uint32) int {
	for len(m.lasts) <= int(key) {
		m.lasts = append(m.lasts, 0)
	}
	return m.lasts[key] - 1
}

// order gives the bytes by which an entry is found and ordered.
func (m *mapOfCall[K, V]) order(key uint32, id *K) []byte {
	m.scratch = column.AppendKey(binary.BigEndian.AppendUint32(m.scratch[:0], key), m.keys.row.Fields, unsafe.Pointer(id))
	return m.scratch
}

func (m *mapOfCall[K, V]) orderOf(entry *entryOfCall[K, V]) []byte {
	return m.orders[entry.from:entry.to]
}

// at gives the place of an entry; it is made if nothing is known of it.
func (m *mapOfCall[K, V]) at(key uint32, id K) int {
	m.id = id
	order := m.order(key, &m.id)
	hash := hashBytes(order)
	if at := m.found.find(hash, func(at int) bool { return bytes.Equal(m.orderOf(&m.entries[at]), order) }); at >= 0 {
		return at
	}
	m.keys.check(unsafe.Pointer(&m.id), m.of.name)
	from := len(m.orders)
	m.orders = append(m.orders, order...)
	m.found.add(hash)
	m.entries = append(m.entries, entryOfCall[K, V]{key: key, from: from, to: len(m.orders), before: m.last(key), id: m.id})
	m.lasts[key] = len(m.entries)
	return len(m.entries) - 1
}

func (m *mapOfCall[K, V]) want(key uint32, id K) {
	m.at(key, id)
}

func (m *mapOfCall[K, V]) get(key uint32, id K) (V, bool) {
	at := m.at(key, id)
	if !m.entries[at].state.known {
		if err := m.load(m.entries[at : at+1]); err != "" {
			panic(refusal("the map " + m.of.name + ": " + err))
		}
	}
	m.value = m.entries[at].state.value
	if m.values.row.HasLists() {
		column.Unshare(m.values.row.Fields, unsafe.Pointer(&m.value.Value))
	}
	return m.value.Value, m.value.Valid
}

func (m *mapOfCall[K, V]) set(key uint32, id K, to value.Opt[V]) {
	at := m.at(key, id)
	if m.value = to; to.Valid {
		m.values.check(unsafe.Pointer(&m.value.Value), m.of.name)
	}
	m.undo = append(m.undo, undo[V]{at, m.entries[at].state})
	m.entries[at].state = entryState[V]{m.value, true, true}
}

// prefetch reads the entries that were named. If they are too large to be read at once each row reads its own.
func (m *mapOfCall[K, V]) prefetch() {
	if len(m.entries) > 0 {
		m.load(m.entries)
	}
}

// load reads entries that the host has.
func (m *mapOfCall[K, V]) load(entries []entryOfCall[K, V]) string {
	m.ids = m.ids[:0]
	for _, entry := range entries {
		m.ids = append(m.ids, entry.key)
	}
	result := host.MapGet(m.index, column.Bytes(m.ids), m.write(entries))
	if result.Tag() == wit.ResultErr {
		return result.Err()
	}
	found := result.Ok()
	batch := wire.Batch{Rows: uint32(len(entries)), Columns: found.Values}
	base := unsafe.Pointer(&entries[0].state.value.Value)
	m.values.rows.Read(&batch, 0, len(entries), base, unsafe.Sizeof(entries[0]), func(int, string) {})
	for i := range entries {
		state := &entries[i].state
		state.known, state.value.Valid = true, column.Bit(found.Present, i)
		if !state.value.Valid {
			state.value = value.Opt[V]{}
		} else if m.values.row.HasLists() {
			column.Unshare(m.values.row.Fields, unsafe.Pointer(&state.value.Value))
		}
	}
	return ""
}

// write writes the keys of entries.
func (m *mapOfCall[K, V]) write(entries []entryOfCall[K, V]) []wire.Node {
	m.keys.columns.Reset()
	if len(entries) > 0 {
		m.keys.columns.Append(unsafe.Pointer(&entries[0].id), unsafe.Sizeof(entries[0]), len(entries))
	}
	return m.keys.columns.Nodes()
}

// finish gives what changed.
func (m *mapOfCall[K, V]) finish() (delta.MapChanges, bool) {
	changed := slices.DeleteFunc(m.entries, func(entry entryOfCall[K, V]) bool { return !entry.state.changed })
	if len(changed) == 0 {
		return delta.MapChanges{}, false
	}
	m.ids = m.ids[:0]
	m.values.columns.Reset()
	var present []byte
	for i := range changed {
		m.ids = append(m.ids, changed[i].key)
		is := changed[i].state.value.Valid
		present = column.Push(present, i, is)
		if is {
			m.values.columns.Append(unsafe.Pointer(&changed[i].state.value.Value), 0, 1)
		} else {
			m.values.columns.AppendNulls(1)
		}
	}
	return delta.MapChanges{
		MapIndex: m.index, Keys: column.Bytes(m.ids), EntryKeys: m.write(changed), Present: present, Values: m.values.columns.Nodes(),
	}, true
}
