// Rows in, and the host played: what comes out, and what is kept.

package main

import (
	"testing"

	"weir"
	"weir/weirtest"
)

// given is what comes in.
type given struct {
	Carrier  string
	DepDelay int64
	Departed weir.EventTime
}

func TestAJumpAndThenSilence(t *testing.T) {
	jumps := weirtest.NewKeyed[given](t, operator, &Jumps{Minutes: 30, SilenceMinutes: 60}, "carrier")
	results := jumps.Process(given{"UA", 0, 0}, given{"AA", 5, 0}, given{"UA", 40, 10 * minute}, given{"AA", 6, 10 * minute})
	type jump struct {
		Carrier        string
		DepDelay, Jump int64
	}
	weirtest.Expect(t, results, "main", jump{"UA", 40, 40})

	results = jumps.AdvanceTo(70 * minute)
	type silent struct{ Carrier string }
	weirtest.Expect(t, results, "silent", silent{"UA"}, silent{"AA"})
	if states := weirtest.States[Last](t, jumps); len(states) > 0 {
		t.Error(states)
	}
}
