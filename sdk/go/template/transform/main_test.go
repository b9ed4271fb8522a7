// Rows in, rows and refused rows out.

package main

import (
	"slices"
	"testing"

	"weir"
	"weir/weirtest"
)

func TestFlightsThatLeftAreClassified(t *testing.T) {
	flights := []Flight{{weir.Some[int64](20)}, {}, {weir.Some[int64](-3)}, {weir.Some[int64](-2000)}}
	results := weirtest.Transform(t, operator, &Classify{LateAfterMinutes: 15}, flights)

	type seen struct {
		DepDelay int64
		Late     bool
	}
	weirtest.Expect(t, results, "main", seen{20, true}, seen{-3, false})
	refused := []weirtest.Refused{{Row: 3, Reason: "it left 2000 minutes before its time"}}
	if !slices.Equal(results.Refused, refused) {
		t.Error(results.Refused)
	}
}
