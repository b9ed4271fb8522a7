// Package transform makes operators without state: filter, map, flat-map, project and split. Importing it makes a program a
// component of the world transform-operator.
//
//	type Config struct{ LateAfterMinutes int64 }
//
//	var operator = transform.New((*Config).Process)
package transform

import (
	"errors"
	"reflect"

	delta "weir/internal/bindings/weir_operator_transform"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
	"weir/internal/engine"
)

// Operator is a transform.
type Operator struct {
	about  engine.About
	inputs []Input
	// What `describe` has made: the index of the input decides which.
	call    *emit.Call
	process []func(*wire.Batch) error
}

// Input is one input of an operator.
type Input struct {
	name        string
	config, out reflect.Type
	row         reflect.Type
	describe    func(row reflect.Type) (*column.Row, error)
	connect     func(configured, out any, rows *column.Rows, call *emit.Call) func(*wire.Batch) error
}

// New makes an operator of the function that processes a row. C is its configuration. Out is what it emits to: a weir.Emitter of
// rows, or a struct of them, of which the first is the main output and the others are side outputs, by name. An error, or a panic,
// refuses the row alone.
func New[C, In, Out any](process func(config *C, row In, out *Out) error) *Operator {
	return Of(From("", process))
}

// From is an input of an operator with several: the name that a pipeline connects it by, and the function that processes its rows.
func From[C, In, Out any](name string, process func(config *C, row In, out *Out) error) Input {
	connect := func(configured, out any, rows *column.Rows, call *emit.Call) func(*wire.Batch) error {
		config, to := configured.(*C), out.(*Out)
		loop := engine.Loop[In]{Parts: []engine.Part{{Rows: rows}}}
		loop.Steps = func(block []In) {
			for ; loop.At < len(block); loop.At++ {
				if call.BeginRow(loop.From + loop.At) {
					call.EndRow(process(config, block[loop.At], to))
				}
			}
		}
		return func(batch *wire.Batch) error {
			loop.Run(call, batch)
			return nil
		}
	}
	return Input{name, reflect.TypeFor[C](), reflect.TypeFor[Out](), reflect.TypeFor[In](), column.RowOf, connect}
}

// Of makes an operator of its inputs. Their functions have the same configuration and outputs.
func Of(inputs ...Input) *Operator {
	operator := &Operator{inputs: inputs}
	operator.about.Config = inputs[0].config
	register(operator)
	return operator
}

// Title gives the operator a short name for people.
func (o *Operator) Title(title string) *Operator {
	o.about.Title = title
	return o
}

// About is `about` of the contract.
func (o *Operator) About() wire.OperatorInfo {
	return o.about.Info()
}

// Describe is `describe` of the contract.
func (o *Operator) Describe(config string, inputs []wire.Input) (wire.Plan, error) {
	configured, err := engine.Configure(o.about.Config, config)
	if err != nil {
		return wire.Plan{}, err
	}
	return o.Connect(configured, inputs)
}

// Connect is Describe with a configuration that is made already, a pointer.
func (o *Operator) Connect(configured any, inputs []wire.Input) (plan wire.Plan, err error) {
	connected := engine.Inputs(inputs)
	var names []string
	for _, input := range o.inputs {
		names = append(names, input.name)
		if input.config != o.inputs[0].config || input.out != o.inputs[0].out {
			return plan, errors.New("the functions of the operator's inputs have different configurations or outputs")
		}
	}
	if reflect.TypeOf(configured) != reflect.PointerTo(o.about.Config) {
		return plan, errors.New("the configuration is a *" + o.about.Config.String())
	}
	matched, err := engine.Match(names, connected)
	if err != nil {
		return plan, err
	}
	o.call, o.process = &emit.Call{}, nil
	out := reflect.New(o.inputs[0].out).Interface()
	if plan.Outputs, err = emit.Connect(o.call, out, connected); err != nil {
		return plan, err
	}
	for i, input := range connected {
		own := o.inputs[matched[i]]
		row, err := own.describe(own.row)
		if err != nil {
			return plan, err
		}
		reads := column.Reads{Schema: input.Schema}
		rows, err := reads.Want(row, engine.ColumnOf(configured))
		if err != nil {
			return plan, err
		}
		plan.Reads = append(plan.Reads, reads.Indices)
		plan.ReadsEventTimes = plan.ReadsEventTimes || row.EventTime >= 0
		o.process = append(o.process, own.connect(configured, out, rows, o.call))
	}
	return plan, nil
}

// Process is `process` of the contract.
func (o *Operator) Process(input uint32, rows wire.Batch) (delta.TransformDelta, error) {
	o.call.Begin(int(rows.Rows))
	if err := o.process[input](&rows); err != nil {
		return delta.TransformDelta{}, err
	}
	outputs, rejected := o.call.Finish()
	return delta.TransformDelta{Outputs: outputs, Rejected: rejected}, nil
}
