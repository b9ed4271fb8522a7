// The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.
package main

import (
	"errors"

	"weir"
	"weir/aggregate"
)

type Average struct {
	Value  string
	Weight string
}

type Weighted struct {
	Value  weir.Opt[weir.Number]
	Weight weir.Opt[weir.Number]
}

type Sums struct {
	Sum    float64
	Weight float64
	Rows   int64
}

type Averages struct {
	Average weir.Opt[float64]
}

var operator = aggregate.New((*Average).Accumulate, (*Average).Merge, (*Average).Finish)

func (a *Average) ColumnOf(field string) string {
	if field == "value" {
		return a.Value
	}
	return a.Weight
}

func (a *Average) Accumulate(sums *Sums, row Weighted) error {
	value, weight := row.Value.Value, row.Weight.Value
	if !row.Value.Valid || !row.Weight.Valid {
		return nil
	}
	if weight < 0 {
		return errors.New("the weight is negative")
	}
	sums.Sum += float64(value * weight)
	sums.Weight += float64(weight)
	sums.Rows++
	return nil
}

func (a *Average) Merge(sums *Sums, other Sums) error {
	sums.Sum += other.Sum
	sums.Weight += other.Weight
	sums.Rows += other.Rows
	return nil
}

func (a *Average) Finish(sums Sums) (Averages, error) {
	if sums.Weight == 0 {
		return Averages{}, nil
	}
	return Averages{weir.Some(sums.Sum / sums.Weight)}, nil
}

func main() {}
