// Running keyed operators.

package weirtest

import (
	"math"
	"slices"
	"testing"

	delta "weir/internal/bindings/weir_operator_keyed"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/host"
	"weir/internal/value"
	"weir/internal/wit"
	"weir/keyed"
)

// KeyedOperator is an operator of package keyed.
type KeyedOperator interface {
	Connect(config any, inputs []wire.Input) (wire.Plan, error)
	Declared() []keyed.AnyMap
	Process(input uint32, rows wire.Batch, keyOfRow []byte, states wire.States, now delta.Clock) (delta.KeyedDelta, error)
	OnTimerCall(due delta.Timers, keys wire.Batch, states wire.States, now delta.Clock) (delta.KeyedDelta, error)
	MigrateCall(from uint32, layout []wire.Field, states wire.States) ([]wire.Node, error)
}

// Keyed is a keyed operator with what the host keeps for it: states, maps, timers and clocks. In are the rows of its only input, which
// may have more columns than the operator reads.
type Keyed[In any] struct {
	t         testing.TB
	operator  KeyedOperator
	plan      wire.Plan
	schema    column.Schema
	keyBy     []int
	keys      []*ofKey
	watermark wit.Option[int64]
	now       int64
}

// ofKey is what the host keeps for a key.
type ofKey struct {
	id string
	// columns are the key columns, one row; state those of the state, nil if there is none.
	columns *table
	state   []wire.Node
	timers  map[keyed.Timer]bool
	maps    []map[string]mapEntry
}

// NewKeyed connects an operator with a configuration to rows that are keyed by some of their columns.
func NewKeyed[In any](t testing.TB, operator KeyedOperator, config any, keyBy ...string) *Keyed[In] {
	t.Helper()
	h := &Keyed[In]{t: t, operator: operator, watermark: wit.None[int64]()}
	given, err := tableOf[In](nil)
	if err != nil {
		t.Fatal(err)
	}
	h.schema = given.schema
	input := wire.Input{Name: "main", Columns: given.fields()}
	for _, name := range keyBy {
		index := h.schema.Index(name)
		if index < 0 {
			t.Fatalf("there is no column %q to key by", name)
		}
		h.keyBy, input.Keys = append(h.keyBy, index), append(input.Keys, uint32(index))
	}
	if h.plan, err = operator.Connect(config, []wire.Input{input}); err != nil {
		t.Fatal(err)
	}
	return h
}

// Process processes a batch of rows.
func (h *Keyed[In]) Process(rows ...In) *Results {
	h.t.Helper()
	given, err := tableOf(rows)
	if err != nil {
		h.t.Fatal(err)
	}
	var keys []*ofKey
	var keyOfRow []uint32
	for row := range given.rows {
		key := h.keyOf(given.take(h.keyBy, []int{row}))
		at := slices.Index(keys, key)
		if at < 0 {
			at, keys = len(keys), append(keys, key)
		}
		keyOfRow = append(keyOfRow, uint32(at))
	}
	h.play(keys)
	answer, err := h.operator.Process(0, given.batch(h.plan.Reads[0], h.plan.ReadsEventTimes), column.Bytes(keyOfRow), h.states(keys), h.clock())
	if err != nil {
		h.t.Fatal(err)
	}
	return h.applyCall(&answer, keys, given, given.times)
}

// AdvanceTo raises the watermark. Timers that are due fire in the order of their times.
func (h *Keyed[In]) AdvanceTo(watermark value.Timestamp) *Results {
	h.t.Helper()
	h.watermark = wit.Some(int64(watermark))
	return h.fire(keyed.EventTime, int64(watermark))
}

// AdvanceProcessingTime sets the wall clock.
func (h *Keyed[In]) AdvanceProcessingTime(time value.Timestamp) *Results {
	h.t.Helper()
	h.now = int64(time)
	return h.fire(keyed.ProcessingTime, int64(time))
}

// End is the end of the input: all timers of event time fire.
func (h *Keyed[In]) End() *Results {
	h.t.Helper()
	return h.AdvanceTo(math.MaxInt64)
}

// fire fires the timers that are due, at most one per key and call.
func (h *Keyed[In]) fire(domain keyed.Domain, until int64) *Results {
	var results *Results
	for {
		due, keys := h.due(domain, until)
		if len(keys) == 0 && results != nil {
			return results
		}
		var ids []uint32
		rows := (&table{schema: h.keySchema()}).take(nil, nil)
		rows.schema = h.keySchema()
		rows.nodes = rows.nulls(0)
		for i, key := range keys {
			delete(key.timers, keyed.Timer{Domain: domain, Time: value.Timestamp(due[i])})
			ids = append(ids, uint32(i))
			rows = concat(rows, key.columns)
		}
		h.play(keys)
		timers := delta.Timers{Domain: uint8(domain), Keys: column.Bytes(ids), Times: column.Bytes(due)}
		batch := wire.Batch{Rows: uint32(rows.rows), Columns: rows.nodes}
		answer, err := h.operator.OnTimerCall(timers, batch, h.states(keys), h.clock())
		if err != nil {
			h.t.Fatal(err)
		}
		results = results.append(h.applyCall(&answer, keys, rows, due))
	}
}

// due gives the first timer of each key that is due, by time.
func (h *Keyed[In]) due(domain keyed.Domain, until int64) ([]int64, []*ofKey) {
	var times []int64
	var keys []*ofKey
	for _, key := range h.keys {
		first, found := int64(0), false
		for timer := range key.timers {
			if at := int64(timer.Time); timer.Domain == domain && at <= until && (!found || at < first) {
				first, found = at, true
			}
		}
		if found {
			at, _ := slices.BinarySearch(times, first+1)
			if first == math.MaxInt64 {
				at = len(times)
			}
			times, keys = slices.Insert(times, at, first), slices.Insert(keys, at, key)
		}
	}
	return times, keys
}

func (h *Keyed[In]) keySchema() column.Schema {
	var schema column.Schema
	for _, index := range h.keyBy {
		schema = append(schema, h.schema[index])
	}
	return schema
}

// keyOf finds the key that a row of key columns is, or makes it.
func (h *Keyed[In]) keyOf(columns *table) *ofKey {
	id := ""
	for _, node := range columns.nodes {
		for _, buffer := range node.Buffers {
			id += string(buffer) + "\x00"
		}
	}
	for _, key := range h.keys {
		if key.id == id {
			return key
		}
	}
	key := &ofKey{id: id, columns: columns, timers: map[keyed.Timer]bool{}}
	for range h.plan.Maps {
		key.maps = append(key.maps, map[string]mapEntry{})
	}
	h.keys = append(h.keys, key)
	return key
}

func (h *Keyed[In]) clock() delta.Clock {
	return delta.Clock{Watermark: h.watermark, ProcessingTime: h.now}
}

// states gives the states of keys as the operator gets them.
func (h *Keyed[In]) states(keys []*ofKey) wire.States {
	states := wire.States{Keys: uint32(len(keys))}
	for i, key := range keys {
		states.Present = column.Push(states.Present, i, key.state != nil)
	}
	at := 0
	for _, schema := range column.SchemaOf(h.plan.State.Some().Columns) {
		made := newCopier(schema)
		for _, key := range keys {
			if key.state == nil {
				made.add(nil, -1)
			} else {
				made.add(key.state[at:], 0)
			}
		}
		states.Columns, at = made.finish(states.Columns), at+len(schema)
	}
	return states
}

// play lets the harness be the host of a call.
func (h *Keyed[In]) play(keys []*ofKey) {
	maps := mapHost{h.operator.Declared(), h.plan.Maps, keys}
	host.MapGet, host.MapScan = maps.get, maps.scan
}

// applyCall keeps what a call changed.
func (h *Keyed[In]) applyCall(answer *delta.KeyedDelta, keys []*ofKey, rows *table, times []int64) *Results {
	schema := column.SchemaOf(h.plan.State.Some().Columns)
	state := &table{schema: schema, nodes: answer.States.Columns, times: make([]int64, answer.States.Keys)}
	for i, key := range selected(answer.Changed, len(keys)) {
		keys[key].state = nil
		if column.Bit(answer.States.Present, i) {
			keys[key].state = append([]wire.Node{}, state.take(state.all(), []int{i}).nodes...)
		}
	}
	change := func(lists []delta.Timers, add bool) {
		for _, list := range lists {
			for i, time := range column.View[int64](list.Times, len(list.Times)/8) {
				timer := keyed.Timer{Domain: keyed.Domain(list.Domain), Time: value.Timestamp(time)}
				timers := keys[column.View[uint32](list.Keys, i+1)[i]].timers
				if add {
					timers[timer] = true
				} else {
					delete(timers, timer)
				}
			}
		}
	}
	change(answer.Timers.Remove, false)
	change(answer.Timers.Add, true)
	for _, changes := range answer.Maps {
		applyMap(&changes, &h.plan.Maps[changes.MapIndex], h.operator.Declared()[changes.MapIndex], keys)
	}
	return apply(&h.plan, answer.Outputs, answer.Rejected, []*table{rows}, []column.Schema{h.schema}, rows.rows, times)
}
