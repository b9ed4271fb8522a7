// Aggregates, and what operators log and measure.

package tests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir"
	"weir/aggregate"
	"weir/log"
	"weir/metrics"
	"weir/transform"
	"weir/weirtest"
)

type longest struct {
	Text  string
	Seen  []int64
	Count uint32
}

func TestAggregatesOfPartsWithRefusedRows(t *testing.T) {
	type row struct {
		N    int64
		Text string
	}
	type result struct {
		Text  weir.Opt[string]
		Seen  []int64
		Count uint32
	}
	operator := aggregate.New(func(_ *none, all *longest, row row) error {
		all.Count++
		all.Seen = append(all.Seen, row.N)
		if len(row.Text) > len(all.Text) {
			all.Text = row.Text
		}
		if row.N < 0 {
			all.Seen[0] = 99
			return errors.New("negative")
		}
		if row.N == 7 {
			panic("seven")
		}
		return nil
	}, func(_ *none, all *longest, other longest) error {
		all.Count += other.Count
		all.Seen = append(all.Seen, other.Seen...)
		if len(other.Text) > len(all.Text) {
			all.Text = other.Text
		}
		return nil
	}, func(_ *none, all longest) (result, error) {
		return result{weir.Opt[string]{Value: all.Text, Valid: all.Count > 0}, all.Seen, all.Count}, nil
	})
	rows := []row{{1, "a"}, {-1, "long text"}, {2, "abc"}, {7, "abcdef"}, {3, "ab"}}
	for cut := range len(rows) + 1 {
		results := weirtest.Aggregate(t, operator, &none{}, rows[:cut], rows[cut:])
		weirtest.Expect(t, results, "main", result{weir.Some("abc"), []int64{1, 2, 3}, 3})
		if len(results.Refused) != 2 || results.Refused[0] != (weirtest.Refused{Row: 1, Reason: "negative"}) ||
			!strings.HasPrefix(results.Refused[1].Reason, "seven (aggregate_test.go:") {
			t.Error(results.Refused)
		}
	}
	weirtest.Expect(t, weirtest.Aggregate[row](t, operator, &none{}), "main", result{})
}

func TestLogsAndMetrics(t *testing.T) {
	lines := weirtest.Telemetry(t)
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[kept]) error {
		log.Info("hello")
		metrics.Count("rows", uint64(row.N))
		metrics.Gauge("level", 0.5)
		metrics.Observe("size", 3)
		return nil
	})
	weirtest.Transform(t, operator, &none{}, []needed{{4}})
	if !slices.Equal(*lines, []string{"info: hello", "count rows 4", "gauge level 0.5", "observe size 3"}) {
		t.Error(*lines)
	}
}
