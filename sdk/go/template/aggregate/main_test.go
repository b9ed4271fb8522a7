// The aggregate gives the same however its rows are cut.

package main

import (
	"testing"

	"weir"
	"weir/weirtest"
)

func TestItDoesNotMatterHowTheRowsAreCut(t *testing.T) {
	flights := []Flight{{weir.Some[int64](30)}, {}, {weir.Some[int64](-10)}, {weir.Some[int64](20)}}
	for cut := range len(flights) + 1 {
		results := weirtest.Aggregate(t, operator, &Spread{UnitMinutes: 20}, flights[:cut], flights[cut:])
		weirtest.Expect(t, results, "main", Spreads{weir.Some(2.0)})
	}
}
