// The states of a call, and those of other versions.

package keyed

import (
	"errors"
	"reflect"
	"strconv"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
	"weir/internal/engine"
	"weir/internal/value"
)

// states are the states of a call, one cell per key.
type states[S any] struct {
	row     *column.Row
	rows    *column.Rows
	columns *column.Columns
	cells   []cell[S]
	changed []uint32
	lists   bool
	checked bool
}

type cell[S any] struct {
	state            S
	present, changed bool
}

func newStates[S any](row *column.Row) *states[S] {
	return &states[S]{row: row, rows: column.RowsOf(row), columns: column.NewColumns(row), lists: row.HasLists(), checked: row.Checked()}
}

func (s *states[S]) read(from *wire.States) {
	keys := int(from.Keys)
	if cap(s.cells) < keys {
		s.cells = make([]cell[S], keys)
	}
	s.cells = s.cells[:keys]
	if keys == 0 {
		return
	}
	absent := false
	for i := range s.cells {
		present := column.Bit(from.Present, i)
		s.cells[i].present, s.cells[i].changed = present, false
		absent = absent || !present
	}
	batch := wire.Batch{Rows: from.Keys, Columns: from.Columns}
	s.rows.Read(&batch, 0, keys, unsafe.Pointer(&s.cells[0].state), unsafe.Sizeof(s.cells[0]), func(key int, reason string) {
		if s.cells[key].present {
			panic(engine.Refusal("the state: " + reason))
		}
	})
	for i := 0; absent && i < keys; i++ {
		if !s.cells[i].present {
			var zero S
			s.cells[i].state = zero
		}
	}
}

func (s *states[S]) load(key uint32, to *value.Opt[S]) {
	from := &s.cells[key]
	to.Value, to.Valid = from.state, from.present
	if s.lists {
		column.Unshare(s.row.Fields, unsafe.Pointer(&to.Value))
	}
}

// check refuses a state that its columns cannot hold.
func (s *states[S]) check(state *value.Opt[S]) error {
	if s.checked && state.Valid {
		if reason := column.Misfit(s.row.Fields, unsafe.Pointer(&state.Value)); reason != "" {
			return engine.Refusal(reason + " (the state)")
		}
	}
	return nil
}

func (s *states[S]) store(key uint32, from *value.Opt[S]) {
	to := &s.cells[key]
	if from.Valid == to.present && (!from.Valid || column.Equal(s.row.Fields, unsafe.Pointer(&from.Value), unsafe.Pointer(&to.state))) {
		return
	}
	to.present, to.changed = from.Valid, true
	if from.Valid {
		to.state = from.Value
		if s.lists {
			column.Unshare(s.row.Fields, unsafe.Pointer(&to.state))
		}
	} else {
		var zero S
		to.state = zero
	}
}

// finish gives which keys changed, and their states.
func (s *states[S]) finish() (wire.Selection, wire.States) {
	s.changed = s.changed[:0]
	s.columns.Reset()
	var present []byte
	for i := 0; i < len(s.cells); i++ {
		if !s.cells[i].changed {
			continue
		}
		if !s.cells[i].present {
			present = column.Push(present, len(s.changed), false)
			s.changed = append(s.changed, uint32(i))
			s.columns.AppendNulls(1)
			continue
		}
		first := i
		for ; i < len(s.cells) && s.cells[i].changed && s.cells[i].present; i++ {
			present = column.Push(present, len(s.changed), true)
			s.changed = append(s.changed, uint32(i))
		}
		s.columns.Append(unsafe.Pointer(&s.cells[first].state), unsafe.Sizeof(s.cells[0]), i-first)
		i--
	}
	count := len(s.changed)
	return emit.Selection(s.changed, len(s.cells)), wire.States{Keys: uint32(count), Present: present, Columns: s.columns.Nodes()}
}

// OldStates are the states of another version of the operator.
type OldStates struct {
	version uint32
	schema  column.Schema
	states  *wire.States
}

// Read reads states as another version declared them, one per key, null where there is none. Fields are matched by name; an Opt that the
// other version did not have is null.
func Read[T any](old *OldStates) ([]value.Opt[T], error) {
	return read[T](old, true)
}

// ReadWhole is Read, but every column must be there, also that of an Opt: what is done without a migration. A column of the other
// version that T does not have is discarded.
func ReadWhole[T any](old *OldStates) ([]value.Opt[T], error) {
	states, err := read[T](old, false)
	if err != nil {
		version := strconv.FormatUint(uint64(old.version), 10)
		err = errors.New("there is no migration from version " + version + " of the state, and its columns do not fit: " + err.Error())
	}
	return states, err
}

func read[T any](old *OldStates, mayMiss bool) ([]value.Opt[T], error) {
	row, err := column.RowOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	rows, err := column.All(old.schema).WantByName(row, mayMiss)
	if err != nil {
		return nil, err
	}
	read := make([]value.Opt[T], old.states.Keys)
	if len(read) == 0 {
		return read, nil
	}
	batch := wire.Batch{Rows: old.states.Keys, Columns: old.states.Columns}
	rows.Read(&batch, 0, len(read), unsafe.Pointer(&read[0].Value), unsafe.Sizeof(read[0]), func(key int, reason string) {
		if err == nil && column.Bit(old.states.Present, key) {
			err = errors.New(reason)
		}
	})
	for i := range read {
		if !column.Bit(old.states.Present, i) {
			read[i] = value.Opt[T]{}
			continue
		}
		read[i].Valid = true
	}
	return read, err
}

// migrated writes states that were migrated.
func (s *states[S]) migrated(states []value.Opt[S], keys int) ([]wire.Node, error) {
	if len(states) != keys {
		return nil, errors.New("the operator migrated " + strconv.Itoa(len(states)) + " states of " + strconv.Itoa(keys))
	}
	s.columns.Reset()
	for i := range states {
		if !states[i].Valid {
			s.columns.AppendNulls(1)
			continue
		}
		if err := s.check(&states[i]); err != nil {
			return nil, err
		}
		s.columns.Append(unsafe.Pointer(&states[i].Value), 0, 1)
	}
	return s.columns.Nodes(), nil
}
