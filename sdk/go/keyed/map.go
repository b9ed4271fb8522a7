// Maps as authors use them.

package keyed

import (
	"errors"
	"reflect"
	"strconv"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/value"
)

// Map is state per key that does not come with every call: entries, each found by a K. Both are rows; V may be struct{}: a set. It is
// declared by the operator's Maps. Rows see what the rows before them did.
type Map[K, V any] struct {
	name string
}

// NewMap makes a map of a name: ASCII letters, digits, `-` and `_`. A map whose columns change needs another name.
func NewMap[K, V any](name string) *Map[K, V] {
	return &Map[K, V]{name}
}

// OfKey is the Context of a row or timer: its key is the one whose entries are meant.
type OfKey interface {
	entriesOf() (*mapsOfCall, uint32)
}

func (c *Context[K, S]) entriesOf() (*mapsOfCall, uint32) {
	return c.maps, c.key
}

// Get gives the value of an entry, and whether it is there.
func (m *Map[K, V]) Get(of OfKey, key K) (V, bool) {
	maps, ofKey := of.entriesOf()
	return m.in(maps).get(ofKey, key)
}

// Put sets an entry.
func (m *Map[K, V]) Put(of OfKey, key K, v V) {
	maps, ofKey := of.entriesOf()
	m.in(maps).set(ofKey, key, value.Some(v))
}

// Remove removes an entry, if it is there.
func (m *Map[K, V]) Remove(of OfKey, key K) {
	maps, ofKey := of.entriesOf()
	m.in(maps).set(ofKey, key, value.Opt[V]{})
}

// Entry is an entry of a map.
type Entry[K, V any] struct {
	Key   K
	Value V
}

// Range says which entries are meant. Its zero value is all of them.
type Range[K any] struct {
	// From and To are the first and the last entry, with them; After and Before are without them.
	From, After, To, Before value.Opt[K]
}

// Scan gives the first entries of a range in the order of their keys, at most limit: field by field, ascending, nulls first, texts by
// their bytes, floats in total order.
func (m *Map[K, V]) Scan(of OfKey, within Range[K], limit int) []Entry[K, V] {
	maps, ofKey := of.entriesOf()
	return m.in(maps).scan(ofKey, within, limit)
}

// Prefetch takes the entries that a row will look at.
type Prefetch struct {
	maps *mapsOfCall
	key  uint32
}

// Want names an entry of the row's key. It is only for speed: an entry that is not named is read when it is looked at.
func (m *Map[K, V]) Want(entries *Prefetch, key K) {
	m.in(entries.maps).want(entries.key, key)
}

// in finds the map among those of the operator.
func (m *Map[K, V]) in(maps *mapsOfCall) *mapOfCall[K, V] {
	for _, one := range maps.all {
		if found, is := one.(*mapOfCall[K, V]); is && found.of == m {
			return found
		}
	}
	panic("the map " + strconv.Quote(m.name) + " is not declared by Maps of the operator")
}

// AnyMap is a Map of any entries.
type AnyMap interface {
	connect(index uint32) (anyMapOfCall, wire.MapLayout, error)
	// Order gives bytes that are in the order of the keys, for one row of their columns: test harnesses keep entries by it.
	Order(keys []wire.Node, row int) string
}

// Order is a method of AnyMap.
func (m *Map[K, V]) Order(keys []wire.Node, row int) string {
	var key K
	of, err := column.RowOf(reflect.TypeFor[K]())
	if err != nil {
		panic(err)
	}
	batch := wire.Batch{Rows: uint32(row + 1), Columns: keys}
	column.RowsOf(of).Read(&batch, row, 1, unsafe.Pointer(&key), unsafe.Sizeof(key), func(int, string) {})
	return string(column.AppendKey(nil, of.Fields, unsafe.Pointer(&key)))
}

func (m *Map[K, V]) connect(at uint32) (anyMapOfCall, wire.MapLayout, error) {
	key, err := column.RowOf(reflect.TypeFor[K]())
	if err != nil {
		return nil, wire.MapLayout{}, err
	}
	row, err := column.RowOf(reflect.TypeFor[V]())
	if err == nil && len(key.Fields) == 0 {
		err = errors.New("the key of the map " + strconv.Quote(m.name) + " has no fields")
	}
	if err != nil {
		return nil, wire.MapLayout{}, err
	}
	made := &mapOfCall[K, V]{of: m, index: at, keys: newSide(key), values: newSide(row)}
	return made, wire.MapLayout{Name: m.name, Key: key.Schema(), Value: row.Schema()}, nil
}

// side is the keys or the values of a map.
type side struct {
	row     *column.Row
	rows    *column.Rows
	columns *column.Columns
}

func newSide(row *column.Row) side {
	return side{row, column.RowsOf(row), column.NewColumns(row)}
}

// check refuses the row if its columns cannot hold a value, and gives it its own memory.
func (s *side) check(p unsafe.Pointer, of string) {
	if reason := column.Misfit(s.row.Fields, p); reason != "" {
		panic(refusal(reason + " (the map " + of + ")"))
	}
	if s.row.HasLists() {
		column.Unshare(s.row.Fields, p)
	}
}
