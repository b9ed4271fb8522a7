// Connecting an operator: its configuration, its inputs, and what it says of itself.

package engine

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/config"
	"weir/internal/emit"
	"weir/internal/wit"
)

// About is what an operator says of itself.
type About struct {
	Title  string
	Config reflect.Type
}

// Info gives it as the contract has it.
func (a *About) Info() wire.OperatorInfo {
	info := wire.OperatorInfo{}
	if a.Title != "" {
		info.Title = wit.Some(a.Title)
	}
	if a.Config != nil && a.Config.Kind() == reflect.Struct {
		info.ConfigSchema = wit.Some(config.Schema(a.Config))
	}
	return info
}

// Configure makes a *C of a configuration.
func Configure(c reflect.Type, text string) (any, error) {
	if c.Kind() != reflect.Struct {
		return nil, errors.New("the configuration is a struct, not a " + c.String())
	}
	made := reflect.New(c).Interface()
	return made, config.Decode(text, made)
}

// Inputs gives the inputs that an operator is connected to.
func Inputs(inputs []wire.Input) []emit.Input {
	all := make([]emit.Input, len(inputs))
	for i, input := range inputs {
		all[i] = emit.Input{Name: strings.Clone(input.Name), Schema: column.SchemaOf(input.Columns)}
	}
	return all
}

// Match gives for every input that the operator is connected to which of its own it is, by name. An operator with one that has no
// name takes a single input of any name.
func Match(own []string, inputs []emit.Input) ([]int, error) {
	if len(own) == 1 && own[0] == "" {
		if len(inputs) != 1 {
			return nil, errors.New("the operator has one input, but is connected to " + strconv.Itoa(len(inputs)))
		}
		return []int{0}, nil
	}
	matched := make([]int, len(inputs))
	missing := map[string]bool{}
	for _, name := range own {
		missing[name] = true
	}
	for i, input := range inputs {
		matched[i] = -1
		for at, name := range own {
			if name == input.Name {
				matched[i] = at
			}
		}
		if matched[i] < 0 {
			return nil, errors.New("the operator has no input " + strconv.Quote(input.Name) + ": it has " + strings.Join(own, ", ") + config.Suggest(input.Name, own))
		}
		delete(missing, input.Name)
	}
	for _, name := range own {
		if missing[name] {
			return nil, errors.New("the operator's input " + strconv.Quote(name) + " is not connected")
		}
	}
	return matched, nil
}

// ColumnOf gives the function that says which column a field is read from: the configuration's method ColumnOf, or its own name.
func ColumnOf(configured any) func(field string) string {
	if namer, is := configured.(interface{ ColumnOf(field string) string }); is {
		return namer.ColumnOf
	}
	return func(field string) string { return field }
}
