// Dates, instants, and what a row says beside its columns.

package value

import "time"

// Date is a date32: days since 1970-01-01.
type Date int32

// Timestamp is an instant in microseconds since 1970-01-01, UTC.
type Timestamp int64

// TimestampSeconds is an instant in seconds since 1970-01-01, UTC.
type TimestampSeconds int64

// TimestampMillis is an instant in milliseconds since 1970-01-01, UTC.
type TimestampMillis int64

// TimestampNanos is an instant in nanoseconds since 1970-01-01, UTC.
type TimestampNanos int64

// EventTime is no column, but the event time of the row: microseconds since 1970-01-01, UTC.
type EventTime int64

// Number is read from a column of any integer or float (integers beyond 2^53 are rounded), and written as float64.
type Number float64

// Kind is no column, but the kind of the row.
type Kind uint8

// The kinds of rows.
const (
	Insert Kind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// KeepAll is embedded in a row that is emitted: all columns of the input are kept. A field with the name of one of them replaces
// it in its place. The tag `drop:"url, agent"` leaves columns out, and `rename:"price=cents"` gives them other names.
type KeepAll struct{}

// Keep is embedded in a row that is emitted: the columns of its tag are kept, as in `columns:"carrier, price=cents"`. In an
// operator with several inputs `orders.price` is the column of one of them.
type Keep struct{}

// Time gives the instant as package time has it.
func (t Timestamp) Time() time.Time {
	return time.UnixMicro(int64(t)).UTC()
}

// Time gives the instant as package time has it.
func (t EventTime) Time() time.Time {
	return time.UnixMicro(int64(t)).UTC()
}
