// Connecting a keyed operator to its inputs, and the functions that the host calls.

package keyed

import (
	"errors"
	"reflect"

	delta "weir/internal/bindings/weir_operator_keyed"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
	"weir/internal/engine"
	"weir/internal/value"
	"weir/internal/wit"
)

// About is `about` of the contract.
func (o *Operator[C, K, S, Out]) About() wire.OperatorInfo {
	return o.about.Info()
}

// Describe is `describe` of the contract.
func (o *Operator[C, K, S, Out]) Describe(config string, inputs []wire.Input) (wire.Plan, error) {
	configured, err := engine.Configure(o.about.Config, config)
	if err != nil {
		return wire.Plan{}, err
	}
	return o.Connect(configured, inputs)
}

// Connect is Describe with a configuration that is made already, a *C.
func (o *Operator[C, K, S, Out]) Connect(configured any, inputs []wire.Input) (plan wire.Plan, err error) {
	schemas := engine.Inputs(inputs)
	var names []string
	for _, input := range o.inputs {
		names = append(names, input.name)
	}
	matched, err := engine.Match(names, schemas)
	if err != nil {
		return plan, err
	}
	if o.version == 0 {
		return plan, errors.New("the version of the state is at least 1, not 0")
	}
	config, is := configured.(*C)
	if !is {
		return plan, errors.New("the configuration is a *" + reflect.TypeFor[C]().String())
	}
	c := &connected[C, K, S, Out]{config: config, out: new(Out), call: &emit.Call{}, timers: &changes{}}
	state, err := column.RowOf(reflect.TypeFor[S]())
	if err != nil {
		return plan, err
	}
	key, err := column.RowOf(reflect.TypeFor[K]())
	if err != nil {
		return plan, err
	}
	if plan.Outputs, err = emit.Connect(c.call, c.out, schemas); err != nil {
		return plan, err
	}
	plan.State = wit.Some(wire.StateLayout{Version: o.version, Columns: state.Schema()})
	c.states = newStates[S](state)
	if c.maps, plan.Maps, err = newMaps(o.maps); err != nil {
		return plan, err
	}
	c.of.maps, c.of.Timers.changes = c.maps, c.timers
	for i, schema := range schemas {
		own := o.inputs[matched[i]]
		row, err := column.RowOf(own.row)
		if err != nil {
			return plan, err
		}
		reads := column.Reads{Schema: schema.Schema}
		rows, err := reads.Want(row, engine.ColumnOf(configured))
		if err != nil {
			return plan, err
		}
		keys, err := keyRows(key, keySchema(schema.Schema, inputs[i].Keys), &reads)
		if err != nil {
			return plan, err
		}
		if i == 0 {
			c.timer = newTimers(c, o.onTimer, keys.ofTimers)
		}
		plan.Reads = append(plan.Reads, reads.Indices)
		plan.ReadsEventTimes = plan.ReadsEventTimes || row.EventTime >= 0
		c.inputs = append(c.inputs, own.connect(c, rows, keys.ofRows))
	}
	o.connected = c
	return plan, nil
}

// keySchema gives the columns that an input is keyed by, in their order.
func keySchema(schema column.Schema, keys []uint32) column.Schema {
	var columns column.Schema
	for _, key := range keys {
		columns = append(columns, schema[key])
	}
	return columns
}

type keys struct {
	ofRows, ofTimers *column.Rows
}

// keyRows finds the key columns that the operator looks at: among those that it reads of rows, and among those that come with timers.
func keyRows(key *column.Row, schema column.Schema, reads *column.Reads) (keys, error) {
	same := func(field string) string { return field }
	ofTimers, err := column.All(schema).Want(key, same)
	if err != nil {
		return keys{}, errors.New("among the columns that the input is keyed by: " + err.Error())
	}
	ofRows, err := reads.Want(key, same)
	return keys{ofRows, ofTimers}, err
}

// Declared gives the maps that Maps declares.
func (o *Operator[C, K, S, Out]) Declared() []AnyMap {
	return o.maps
}

// Process is `process` of the contract.
func (o *Operator[C, K, S, Out]) Process(input uint32, rows wire.Batch, keyOfRow []byte, states wire.States, now delta.Clock) (delta.KeyedDelta, error) {
	return o.connected.run(o.connected.inputs[input], &rows, keyOfRow, nil, &states, now), nil
}

// OnTimerCall is `on-timer` of the contract.
func (o *Operator[C, K, S, Out]) OnTimerCall(due delta.Timers, keys wire.Batch, states wire.States, now delta.Clock) (delta.KeyedDelta, error) {
	return o.connected.run(o.connected.timer, &keys, due.Keys, &due, &states, now), nil
}

// MigrateCall is `migrate` of the contract.
func (o *Operator[C, K, S, Out]) MigrateCall(from uint32, layout []wire.Field, states wire.States) ([]wire.Node, error) {
	migrate := o.migrate
	if migrate == nil {
		migrate = func(_ *C, _ uint32, states *OldStates) ([]value.Opt[S], error) { return ReadWhole[S](states) }
	}
	migrated, err := migrate(o.connected.config, from, &OldStates{from, column.SchemaOf(layout), &states})
	if err != nil {
		return nil, err
	}
	return o.connected.states.migrated(migrated, int(states.Keys))
}
