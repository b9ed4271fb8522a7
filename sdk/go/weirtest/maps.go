// The host of maps.

package weirtest

import (
	"slices"
	"strings"

	delta "weir/internal/bindings/weir_operator_keyed"
	bindings "weir/internal/bindings/weir_operator_maps"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/wit"
	"weir/keyed"
)

// mapEntry is an entry of a map: its columns, one row.
type mapEntry struct {
	order      string
	key, value []wire.Node
}

func sorted(entries map[string]mapEntry) []mapEntry {
	all := make([]mapEntry, 0, len(entries))
	for _, entry := range entries {
		all = append(all, entry)
	}
	slices.SortFunc(all, func(a, b mapEntry) int { return strings.Compare(a.order, b.order) })
	return all
}

// rowsOf makes columns of rows of other columns; a nil one is null.
func rowsOf(fields []wire.Field, rows [][]wire.Node) []wire.Node {
	var nodes []wire.Node
	at := 0
	for _, schema := range column.SchemaOf(fields) {
		made := newCopier(schema)
		for _, row := range rows {
			if row == nil {
				made.add(nil, -1)
			} else {
				made.add(row[at:], 0)
			}
		}
		nodes, at = made.finish(nodes), at+len(schema)
	}
	return nodes
}

// row copies one row of columns.
func row(fields []wire.Field, nodes []wire.Node, at int) []wire.Node {
	copied := []wire.Node{}
	for _, schema := range column.SchemaOf(fields) {
		made := newCopier(schema)
		made.add(nodes, at)
		copied, nodes = made.finish(copied), nodes[len(schema):]
	}
	return copied
}

// mapHost answers what an operator asks of its maps during a call.
type mapHost struct {
	declared []keyed.AnyMap
	layouts  []wire.MapLayout
	keys     []*ofKey
}

func (m mapHost) get(index uint32, keys []byte, entryKeys []wire.Node) wit.Result[bindings.Found, string] {
	var found bindings.Found
	var values [][]wire.Node
	for i, key := range column.View[uint32](keys, len(keys)/4) {
		entry, is := m.keys[key].maps[index][m.declared[index].Order(entryKeys, i)]
		found.Present = column.Push(found.Present, i, is)
		values = append(values, entry.value)
	}
	found.Values = rowsOf(m.layouts[index].Value, values)
	return wit.Ok[bindings.Found, string](found)
}

// pageMax is small, so that tests read several pages.
const pageMax = 3

func (m mapHost) scan(index, key uint32, lower, upper bindings.Bound, limit uint32) wit.Result[bindings.Page, string] {
	var page bindings.Page
	var keys, values [][]wire.Node
	for _, entry := range sorted(m.keys[key].maps[index]) {
		if m.compare(index, entry, lower) < 0 || m.compare(index, entry, upper) > 0 ||
			lower.Tag() == bindings.BoundExcluded && m.compare(index, entry, lower) == 0 ||
			upper.Tag() == bindings.BoundExcluded && m.compare(index, entry, upper) == 0 {
			continue
		}
		if page.Entries == min(limit, pageMax) {
			page.More = true
			break
		}
		page.Entries++
		keys, values = append(keys, entry.key), append(values, entry.value)
	}
	page.EntryKeys, page.Values = rowsOf(m.layouts[index].Key, keys), rowsOf(m.layouts[index].Value, values)
	return wit.Ok[bindings.Page, string](page)
}

// compare compares an entry with a bound; it is equal to one that is unbounded.
func (m mapHost) compare(index uint32, entry mapEntry, bound bindings.Bound) int {
	switch bound.Tag() {
	case bindings.BoundIncluded:
		return strings.Compare(entry.order, m.declared[index].Order(bound.Included(), 0))
	case bindings.BoundExcluded:
		return strings.Compare(entry.order, m.declared[index].Order(bound.Excluded(), 0))
	}
	return 0
}

func applyMap(changes *delta.MapChanges, layout *wire.MapLayout, declared keyed.AnyMap, keys []*ofKey) {
	for i, key := range column.View[uint32](changes.Keys, len(changes.Keys)/4) {
		entries, order := keys[key].maps[changes.MapIndex], declared.Order(changes.EntryKeys, i)
		if column.Bit(changes.Present, i) {
			entries[order] = mapEntry{order, row(layout.Key, changes.EntryKeys, i), row(layout.Value, changes.Values, i)}
		} else {
			delete(entries, order)
		}
	}
}
