// What an operator's outputs are for its inputs: kept and computed columns.

package emit

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/wit"
)

// Input is one input that the operator is connected to.
type Input struct {
	Name   string
	Schema column.Schema
}

// Connect makes a call's outputs of what an operator emits to: an *Emitter, or a pointer to a struct of them, of which the first is
// the main output. The columns that they keep are those of the inputs.
func Connect(call *Call, to any, inputs []Input) ([]wire.Output, error) {
	sinks, names, err := sinksOf(to)
	if err != nil {
		return nil, err
	}
	var plan []wire.Output
	for i, sink := range sinks {
		out, err := sink.attach(call)
		if err != nil {
			return nil, err
		}
		out.Name, out.checked = names[i], out.columns.Row.RowKind >= 0 || out.columns.Row.Checked()
		call.checked = call.checked || out.checked
		planned, err := out.plan(inputs)
		if err != nil {
			return nil, err
		}
		call.Outputs, plan = append(call.Outputs, out), append(plan, planned)
	}
	return plan, nil
}

func sinksOf(to any) ([]Sink, []string, error) {
	if one, is := to.(Sink); is {
		return []Sink{one}, []string{"main"}, nil
	}
	of := reflect.ValueOf(to).Elem()
	if of.Kind() != reflect.Struct || of.NumField() == 0 {
		return nil, nil, errors.New("an operator emits to a *weir.Emitter, or to a pointer to a struct of weir.Emitters, not to a " + of.Type().String())
	}
	var sinks []Sink
	var names []string
	for i := range of.NumField() {
		field := of.Type().Field(i)
		name := field.Tag.Get("weir")
		if i == 0 {
			name = "main"
		} else if name == "" {
			name = column.Words(field.Name, '-')
		}
		if err := column.Tags(of.Type(), field, "weir"); err != nil {
			return nil, nil, err
		}
		if !field.IsExported() {
			return nil, nil, errors.New("field " + field.Name + " of " + of.Type().String() + " is not exported: its name must begin with a capital letter")
		}
		sink, is := of.Field(i).Addr().Interface().(Sink)
		if !is {
			return nil, nil, errors.New("field " + field.Name + " of " + of.Type().String() + " is no weir.Emitter")
		}
		sinks, names = append(sinks, sink), append(names, name)
	}
	return sinks, names, nil
}

var modes = map[string]uint8{
	"insert-only": wire.ChangelogModeInsertOnly, "upsert": wire.ChangelogModeUpsert, "retract": wire.ChangelogModeRetract,
}

func (o *Output) plan(inputs []Input) (wire.Output, error) {
	row := o.columns.Row
	plan := wire.Output{Name: o.Name, Columns: []wire.OutputColumn{}}
	if row.RowKind >= 0 {
		mode, known := modes[row.Changelog]
		if row.Changelog == "" {
			mode, known = wire.ChangelogModeRetract, true
		}
		if !known {
			return plan, errors.New(row.Name + ": changelog is insert-only, upsert or retract, not " + strconv.Quote(row.Changelog))
		}
		plan.Changelog = mode
	}
	kept, err := o.kept(inputs)
	if err != nil {
		return plan, err
	}
	done := make([]bool, len(row.Fields))
	compute := func(at int) {
		field := row.Fields[at]
		plan.Columns = append(plan.Columns, wire.MakeOutputColumnComputed(field.Type.Schema(field.Name)))
		o.order, done[at] = append(o.order, at), true
	}
	for i, one := range kept {
		for _, other := range kept[:i] {
			if one.to == other.to {
				return plan, errors.New("output " + strconv.Quote(o.Name) + " keeps two columns as " + strconv.Quote(one.to) + ": give one another name")
			}
		}
		replaced := false
		for at, field := range row.Fields {
			if field.Name == one.to {
				compute(at)
				replaced = true
			}
		}
		if !replaced {
			name := wit.None[string]()
			if one.to != inputs[one.input].Schema[one.column][0].Name {
				name = wit.Some(one.to)
			}
			plan.Columns = append(plan.Columns, wire.MakeOutputColumnKept(wire.KeptColumn{Input: uint32(one.input), Column: uint32(one.column), Name: name}))
		}
	}
	for at := range row.Fields {
		if !done[at] {
			compute(at)
		}
	}
	return plan, nil
}

// kept is a column of an input, and its name in the output.
type kept struct {
	input, column int
	to            string
}

func (o *Output) kept(inputs []Input) ([]kept, error) {
	keep := o.columns.Row.Keep
	var all, dropped []kept
	for _, name := range keep.Drop {
		found, err := o.find(name, "drops", inputs)
		if err != nil {
			return nil, err
		}
		dropped = append(dropped, found...)
	}
	for i := 0; keep.All && i < len(inputs); i++ {
		for at, of := range inputs[i].Schema {
			if one := (kept{i, at, of[0].Name}); !slices.Contains(dropped, one) {
				all = append(all, one)
			}
		}
	}
	for _, one := range keep.Columns {
		found, err := o.only(one.Name, "keeps", inputs)
		if err != nil {
			return nil, err
		}
		if one.To != "" {
			found.to = one.To
		}
		all = append(all, found)
	}
	for _, one := range keep.Rename {
		found, err := o.only(one.Name, "renames", inputs)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(all, func(other kept) bool { return other.input == found.input && other.column == found.column })
		if at < 0 {
			return nil, errors.New("output " + strconv.Quote(o.Name) + " renames column " + strconv.Quote(one.Name) + ", which it drops")
		}
		all[at].to = one.To
	}
	return all, nil
}

// only finds the only column that a name means.
func (o *Output) only(name, what string, inputs []Input) (kept, error) {
	found, err := o.find(name, what, inputs)
	if err != nil {
		return kept{}, err
	}
	if len(found) > 1 {
		var full []string
		for _, one := range found {
			full = append(full, inputs[one.input].Name+"."+one.to)
		}
		return kept{}, errors.New("column " + strconv.Quote(name) + ", which output " + strconv.Quote(o.Name) + " " + what +
			", is in several inputs: write " + strings.Join(full, " or "))
	}
	return found[0], nil
}

// find finds the columns of a name, or the one of an input and a name: orders.price.
func (o *Output) find(name, what string, inputs []Input) ([]kept, error) {
	var found []kept
	for i, input := range inputs {
		if at := input.Schema.Index(name); at >= 0 {
			found = append(found, kept{i, at, name})
			continue
		}
		if of, short, is := strings.Cut(name, "."); is && of == input.Name {
			if at := input.Schema.Index(short); at >= 0 {
				found = append(found, kept{i, at, short})
			}
		}
	}
	if found != nil {
		return found, nil
	}
	var there []string
	for _, input := range inputs {
		there = append(there, input.Schema.String())
	}
	return nil, errors.New("there is no column " + strconv.Quote(name) + ", which output " + strconv.Quote(o.Name) +
		" " + what + "; the input has " + strings.Join(there, " and "))
}
