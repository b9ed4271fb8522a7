// How far the delays of a window's flights lie apart, in a unit of so many minutes.
package main

import (
	"weir"
	"weir/aggregate"
)

// Spread is the configuration. In the pipeline file:
// `aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }`
type Spread struct {
	UnitMinutes int64
}

// Flight has the columns that it reads: DepDelay is the column dep_delay.
type Flight struct {
	DepDelay weir.Opt[int64]
}

// Extremes is kept per group while its window is open; it starts with nulls.
type Extremes struct {
	Least, Greatest weir.Opt[int64]
}

// Spreads has the result column.
type Spreads struct {
	Spread weir.Opt[float64]
}

var operator = aggregate.New((*Spread).Accumulate, (*Spread).Merge, (*Spread).Finish).Title("{{name}}")

// Accumulate adds a row.
func (s *Spread) Accumulate(extremes *Extremes, flight Flight) error {
	return s.Merge(extremes, Extremes{flight.DepDelay, flight.DepDelay})
}

// Merge adds what other rows of the group gave. The host aggregates parts of a group on their own: merging them must give what all
// their rows at once would give.
func (s *Spread) Merge(extremes *Extremes, other Extremes) error {
	if least, is := other.Least.Get(); is && (!extremes.Least.Valid || least < extremes.Least.Value) {
		extremes.Least = other.Least
	}
	if greatest, is := other.Greatest.Get(); is && (!extremes.Greatest.Valid || greatest > extremes.Greatest.Value) {
		extremes.Greatest = other.Greatest
	}
	return nil
}

// Finish gives the result.
func (s *Spread) Finish(extremes Extremes) (Spreads, error) {
	least, is := extremes.Least.Get()
	if !is {
		return Spreads{}, nil
	}
	return Spreads{weir.Some(float64(extremes.Greatest.Value-least) / float64(s.UnitMinutes))}, nil
}

func main() {} // The host calls the operator.
