// Package value has the types that a field of a row can have, beside Go's own. Package weir gives them to authors.
package value

// Opt is a value that may be null. Its zero value is null.
type Opt[T any] struct {
	// Value is the value; the zero value of T where there is none.
	Value T
	// Valid says whether there is one.
	Valid bool
}

// Some is a value.
func Some[T any](value T) Opt[T] {
	return Opt[T]{Value: value, Valid: true}
}

// Get gives the value, and whether there is one.
func (o Opt[T]) Get() (T, bool) {
	return o.Value, o.Valid
}

// Or gives the value, or another one where it is null.
func (o Opt[T]) Or(other T) T {
	if o.Valid {
		return o.Value
	}
	return other
}
