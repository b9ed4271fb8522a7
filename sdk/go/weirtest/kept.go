// Looking at what the host keeps for a keyed operator.

package weirtest

import (
	"slices"
	"testing"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/value"
	"weir/keyed"
)

// harness is a Keyed of any rows.
type harness interface {
	parts() (*wire.Plan, []*ofKey, KeyedOperator)
}

func (h *Keyed[In]) parts() (*wire.Plan, []*ofKey, KeyedOperator) {
	return &h.plan, h.keys, h.operator
}

// States gives the states of all keys that have one, in the order in which the keys came: the columns of the key and of the state, by name.
func States[T any](t testing.TB, of harness) []T {
	t.Helper()
	plan, keys, _ := of.parts()
	var all []T
	for _, key := range keys {
		if key.state != nil {
			all = append(all, kept[T](t, key, plan.State.Some().Columns, key.state))
		}
	}
	return all
}

// Entries gives the entries of a map: the columns of the key of the stream, of the entry's key and of its value, by name.
func Entries[T any](t testing.TB, of harness, name string) []T {
	t.Helper()
	plan, keys, _ := of.parts()
	index := slices.IndexFunc(plan.Maps, func(one wire.MapLayout) bool { return one.Name == name })
	if index < 0 {
		t.Fatalf("there is no map %q", name)
	}
	layout := plan.Maps[index]
	var all []T
	for _, key := range keys {
		for _, entry := range sorted(key.maps[index]) {
			all = append(all, kept[T](t, key, append(slices.Clone(layout.Key), layout.Value...), append(slices.Clone(entry.key), entry.value...)))
		}
	}
	return all
}

// kept reads one row of what is kept for a key, with the key's columns.
func kept[T any](t testing.TB, key *ofKey, fields []wire.Field, nodes []wire.Node) T {
	t.Helper()
	row := &table{rows: 1, times: []int64{0}}
	row.schema = append(slices.Clone(key.columns.schema), column.SchemaOf(fields)...)
	row.nodes = append(slices.Clone(key.columns.nodes), nodes...)
	rows, err := read[T](row)
	if err != nil {
		t.Fatal(err)
	}
	return rows[0]
}

// Timers gives the timers of all keys that wait, by clock and time.
func (h *Keyed[In]) Timers() []keyed.Timer {
	var all []keyed.Timer
	for _, key := range h.keys {
		for timer := range key.timers {
			all = append(all, timer)
		}
	}
	slices.SortFunc(all, func(a, b keyed.Timer) int {
		if a.Domain != b.Domain {
			return int(a.Domain) - int(b.Domain)
		}
		return int(min(max(a.Time-b.Time, -1), 1))
	})
	return all
}

// Migrate gives what states of another version become.
func Migrate[New, Old any](t testing.TB, of harness, from uint32, states ...Old) []value.Opt[New] {
	t.Helper()
	plan, _, operator := of.parts()
	old, err := tableOf(states)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := operator.MigrateCall(from, old.fields(), wire.States{Keys: uint32(len(states)), Columns: old.nodes})
	if err != nil {
		t.Fatal(err)
	}
	made := &table{schema: column.SchemaOf(plan.State.Some().Columns), nodes: nodes, rows: len(states), times: make([]int64, len(states))}
	all := make([]value.Opt[New], len(states))
	for i := range states {
		if len(nodes) > 0 && nodes[0].NullCount > 0 && !column.Bit(nodes[0].Buffers[0], i) {
			continue
		}
		rows, err := read[New](made.take(made.all(), []int{i}))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = value.Some(rows[0])
	}
	return all
}
