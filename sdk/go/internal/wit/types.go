// Package wit is what the generated bindings need: optional values and results, memory for what they pass, and the function by
// which the host passes lists. It takes the place of the support package of wit-bindgen.
package wit

// Tags of Option and Result.
const (
	OptionNone uint8 = iota
	OptionSome
)
const (
	ResultOk uint8 = iota
	ResultErr
)

// Option is option<T> of the contract.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is an Option without a value.
func None[T any]() Option[T] {
	return Option[T]{}
}

// Some is an Option with a value.
func Some[T any](value T) Option[T] {
	return Option[T]{OptionSome, value}
}

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 {
	return o.tag
}

// Some is the value, if there is one.
func (o Option[T]) Some() T {
	return o.value
}

// Result is result<T, E> of the contract.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok is a Result that went well.
func Ok[T, E any](value T) Result[T, E] {
	return Result[T, E]{tag: ResultOk, ok: value}
}

// Err is a Result that did not.
func Err[T, E any](err E) Result[T, E] {
	return Result[T, E]{tag: ResultErr, err: err}
}

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 {
	return r.tag
}

// Ok is the value, if it went well.
func (r Result[T, E]) Ok() T {
	return r.ok
}

// Err is the error, if it did not.
func (r Result[T, E]) Err() E {
	return r.err
}
