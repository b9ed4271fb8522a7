// Package aggregate makes aggregates for windows. Importing it makes a program a component of the world aggregate-operator.
//
//	var operator = aggregate.New((*Spread).Accumulate, (*Spread).Merge, (*Spread).Finish)
package aggregate

import (
	"errors"
	"reflect"
	"strconv"
	"unsafe"

	answer "weir/internal/bindings/weir_operator_aggregate"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
	"weir/internal/engine"
	"weir/internal/wit"
)

// Operator is an aggregate with the configuration C, the accumulator A, rows In and the result Out.
type Operator[C, A, In, Out any] struct {
	about      engine.About
	version    uint32
	accumulate func(*C, *A, In) error
	merge      func(*C, *A, A) error
	finish     func(*C, A) (Out, error)
	// What `describe` has made.
	config  *C
	call    *emit.Call
	loop    engine.Loop[In]
	row     *column.Row
	lists   bool
	rows    *column.Rows
	columns *column.Columns
	results *column.Columns
	// left and right are accumulators of a call.
	left, right []A
	groups      []uint32
	current     A
}

// New makes an aggregate of its functions. accumulate adds a row to an accumulator; a new one is the zero value of A. An error, or a
// panic, refuses the row alone. merge adds another accumulator: the host aggregates parts of a group on their own, so it must give what
// all their rows at once would give. finish gives the result.
func New[C, A, In, Out any](
	accumulate func(config *C, accumulator *A, row In) error,
	merge func(config *C, accumulator *A, other A) error,
	finish func(config *C, accumulator A) (Out, error),
) *Operator[C, A, In, Out] {
	operator := &Operator[C, A, In, Out]{version: 1, accumulate: accumulate, merge: merge, finish: finish}
	operator.about.Config = reflect.TypeFor[C]()
	register(operator)
	return operator
}

// Title gives the operator a short name for people.
func (o *Operator[C, A, In, Out]) Title(title string) *Operator[C, A, In, Out] {
	o.about.Title = title
	return o
}

// Version raises the version of the accumulator, when its fields change their meaning; it is 1 if it is not set.
func (o *Operator[C, A, In, Out]) Version(version uint32) *Operator[C, A, In, Out] {
	o.version = version
	return o
}

// About is `about` of the contract.
func (o *Operator[C, A, In, Out]) About() wire.OperatorInfo {
	return o.about.Info()
}

// Describe is `describe` of the contract.
func (o *Operator[C, A, In, Out]) Describe(config string, inputs []wire.Input) (wire.Plan, error) {
	configured, err := engine.Configure(o.about.Config, config)
	if err != nil {
		return wire.Plan{}, err
	}
	return o.Connect(configured, inputs)
}

// Connect is Describe with a configuration that is made already, a *C.
func (o *Operator[C, A, In, Out]) Connect(configured any, inputs []wire.Input) (plan wire.Plan, err error) {
	schemas := engine.Inputs(inputs)
	if _, err = engine.Match([]string{""}, schemas); err != nil {
		return plan, err
	}
	if o.version == 0 {
		return plan, errors.New("the version of the accumulator is at least 1, not 0")
	}
	config, is := configured.(*C)
	if !is {
		return plan, errors.New("the configuration is a *" + reflect.TypeFor[C]().String())
	}
	row, err := column.RowOf(reflect.TypeFor[In]())
	if err != nil {
		return plan, err
	}
	reads := column.Reads{Schema: schemas[0].Schema}
	rows, err := reads.Want(row, engine.ColumnOf(configured))
	if err != nil {
		return plan, err
	}
	if o.row, err = column.RowOf(reflect.TypeFor[A]()); err != nil {
		return plan, err
	}
	result, err := column.RowOf(reflect.TypeFor[Out]())
	if err != nil {
		return plan, err
	}
	o.config, o.call, o.lists = config, &emit.Call{}, o.row.HasLists()
	o.rows, o.columns, o.results = column.RowsOf(o.row), column.NewColumns(o.row), column.NewColumns(result)
	o.loop = engine.Loop[In]{Parts: []engine.Part{{Rows: rows}}, Steps: o.steps}
	output := wire.Output{Name: "main"}
	for _, field := range result.Fields {
		output.Columns = append(output.Columns, wire.MakeOutputColumnComputed(field.Type.Schema(field.Name)))
	}
	plan.Reads = [][]uint32{reads.Indices}
	plan.ReadsEventTimes = row.EventTime >= 0
	plan.Outputs = []wire.Output{output}
	plan.State = wit.Some(wire.StateLayout{Version: o.version, Columns: o.row.Schema()})
	return plan, nil
}

// Accumulate is `accumulate` of the contract.
func (o *Operator[C, A, In, Out]) Accumulate(rows wire.Batch, groupOfRow []byte, accumulators wire.States) (answer.Accumulated, error) {
	o.groups = column.View[uint32](groupOfRow, int(rows.Rows))
	o.left = o.read(o.left, &accumulators)
	o.call.Begin(int(rows.Rows))
	o.loop.Run(o.call, &rows)
	_, rejected := o.call.Finish()
	return answer.Accumulated{Accumulators: o.write(o.left), Rejected: rejected}, nil
}

// steps works on copies of accumulators, so that a row that is refused leaves no trace.
func (o *Operator[C, A, In, Out]) steps(block []In) {
	for ; o.loop.At < len(block); o.loop.At++ {
		row := o.loop.From + o.loop.At
		if !o.call.BeginRow(row) {
			continue
		}
		group := &o.left[o.groups[row]]
		o.current = *group
		o.unshare(&o.current)
		err := o.accumulate(o.config, &o.current, block[o.loop.At])
		if err == nil {
			err = misfit(o.row, unsafe.Pointer(&o.current), "the accumulator")
		}
		if o.call.EndRow(err) {
			*group = o.current
			o.unshare(group)
		}
	}
}

// unshare gives an accumulator its own copies of its lists.
func (o *Operator[C, A, In, Out]) unshare(accumulator *A) {
	if o.lists {
		column.Unshare(o.row.Fields, unsafe.Pointer(accumulator))
	}
}

// Merge is `merge` of the contract.
func (o *Operator[C, A, In, Out]) Merge(left, right wire.States) ([]wire.Node, error) {
	o.left, o.right = o.read(o.left, &left), o.read(o.right, &right)
	if len(o.left) != len(o.right) {
		return nil, errors.New("the host passed " + strconv.Itoa(len(o.left)) + " accumulators and " + strconv.Itoa(len(o.right)))
	}
	for i := range o.left {
		o.unshare(&o.left[i])
		if err := o.merge(o.config, &o.left[i], o.right[i]); err != nil {
			return nil, err
		}
		if err := misfit(o.row, unsafe.Pointer(&o.left[i]), "the accumulator"); err != nil {
			return nil, err
		}
		o.unshare(&o.left[i])
	}
	return o.write(o.left), nil
}

// Finish is `finish` of the contract.
func (o *Operator[C, A, In, Out]) Finish(accumulators wire.States) ([]wire.Node, error) {
	o.left = o.read(o.left, &accumulators)
	o.results.Reset()
	for i := range o.left {
		result, err := o.finish(o.config, o.left[i])
		if err == nil {
			err = misfit(o.results.Row, unsafe.Pointer(&result), "the result")
		}
		if err != nil {
			return nil, err
		}
		o.results.Append(unsafe.Pointer(&result), 0, 1)
	}
	return o.results.Nodes(), nil
}

// read reads accumulators; one that is not present is the zero value.
func (o *Operator[C, A, In, Out]) read(into []A, from *wire.States) []A {
	count := int(from.Keys)
	if cap(into) < count {
		into = make([]A, count)
	}
	into = into[:count]
	if count == 0 {
		return into
	}
	batch := wire.Batch{Rows: from.Keys, Columns: from.Columns}
	o.rows.Read(&batch, 0, count, unsafe.Pointer(&into[0]), unsafe.Sizeof(into[0]), func(at int, reason string) {
		if column.Bit(from.Present, at) {
			panic(engine.Refusal("the accumulator: " + reason))
		}
	})
	for i := range into {
		if !column.Bit(from.Present, i) {
			var zero A
			into[i] = zero
		}
	}
	return into
}

func (o *Operator[C, A, In, Out]) write(accumulators []A) []wire.Node {
	o.columns.Reset()
	if len(accumulators) > 0 {
		o.columns.Append(unsafe.Pointer(&accumulators[0]), unsafe.Sizeof(accumulators[0]), len(accumulators))
	}
	return o.columns.Nodes()
}

func misfit(row *column.Row, p unsafe.Pointer, of string) error {
	if reason := column.Misfit(row.Fields, p); reason != "" {
		return engine.Refusal(reason + " (" + of + ")")
	}
	return nil
}
