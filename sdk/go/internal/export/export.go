// Package export is what the functions that the host calls have in common: they find the operator, and a panic becomes the error of
// its call.
package export

import (
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/engine"
	"weir/internal/host"
	"weir/internal/wit"
)

// Operator is an operator of any world.
type Operator interface {
	About() wire.OperatorInfo
	Describe(config string, inputs []wire.Input) (wire.Plan, error)
}

// One holds the only operator of a component.
type One[T Operator] struct {
	operators []T
}

// Set makes an operator that of the component.
func (o *One[T]) Set(operator T) {
	o.operators = append(o.operators, operator)
}

// Get gives it.
func (o *One[T]) Get() T {
	switch len(o.operators) {
	case 0:
		panic(engine.Refusal("the component has no operator: package main has none in a variable, as in `var operator = transform.New(...)`"))
	case 1:
		return o.operators[0]
	}
	panic(engine.Refusal("the component has several operators: package main makes one only"))
}

// About answers `about`. It has no error: what goes wrong is logged.
func About[T Operator](one *One[T]) wire.OperatorInfo {
	result := Call(func() (wire.OperatorInfo, error) { return one.Get().About(), nil })
	if result.Tag() == wit.ResultErr {
		host.Log(4, "about: "+result.Err())
	}
	return result.Ok()
}

// Describe answers `describe`.
func Describe[T Operator](one *One[T], config string, inputs []wire.Input) wit.Result[wire.Plan, string] {
	return Call(func() (wire.Plan, error) { return one.Get().Describe(config, inputs) })
}

// Call answers a call that may fail.
func Call[T any](call func() (T, error)) wit.Result[T, string] {
	defer wit.CallIsOver()
	var answer T
	err := engine.Try(func() (err error) {
		answer, err = call()
		return err
	})
	if err != nil {
		return wit.Err[T](err.Error())
	}
	return wit.Ok[T, string](answer)
}
