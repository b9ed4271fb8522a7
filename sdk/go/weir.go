// Package weir is what every operator uses: the types of the fields of rows, the emitter, the log and metrics. An operator is made
// by package transform, keyed or aggregate, and tested by package weirtest.
package weir

import (
	"weir/internal/emit"
	"weir/internal/value"
)

// Opt is a value that may be null. Its zero value is null.
type Opt[T any] = value.Opt[T]

// Some is a value of an Opt.
func Some[T any](v T) Opt[T] {
	return value.Some(v)
}

// Types of fields, beside Go's own: see their documentation.
type (
	Date             = value.Date
	Timestamp        = value.Timestamp
	TimestampSeconds = value.TimestampSeconds
	TimestampMillis  = value.TimestampMillis
	TimestampNanos   = value.TimestampNanos
	EventTime        = value.EventTime
	Number           = value.Number
	Kind             = value.Kind
	Decimal          = value.Decimal
	KeepAll          = value.KeepAll
	Keep             = value.Keep
)

// The kinds of rows.
const (
	Insert       = value.Insert
	UpdateBefore = value.UpdateBefore
	UpdateAfter  = value.UpdateAfter
	Delete       = value.Delete
)

// DecimalOf gives an integer as a decimal without its point: 1234 is 12.34 in a column with two digits behind it.
func DecimalOf(unscaled int64) Decimal {
	return value.DecimalOf(unscaled)
}

// Emitter takes the rows of one output.
type Emitter[T any] = emit.Emitter[T]

// ColumnEmitter takes the columns of one output, of an operator on columns.
type ColumnEmitter[T any] = emit.ColumnEmitter[T]
