// What operators log and measure.

package weirtest

import (
	"strconv"
	"testing"

	"weir/internal/host"
)

// Telemetry collects what operators log and measure until the test ends: log lines as "info: text", figures as "count rows 1".
func Telemetry(t testing.TB) *[]string {
	lines := &[]string{}
	log, count, gauge, observe := host.Log, host.Count, host.Gauge, host.Observe
	t.Cleanup(func() { host.Log, host.Count, host.Gauge, host.Observe = log, count, gauge, observe })
	add := func(line string) { *lines = append(*lines, line) }
	number := func(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
	host.Log = func(level uint8, message string) {
		add([]string{"trace", "debug", "info", "warn", "error"}[level] + ": " + message)
	}
	host.Count = func(name string, by uint64) { add("count " + name + " " + strconv.FormatUint(by, 10)) }
	host.Gauge = func(name string, value float64) { add("gauge " + name + " " + number(value)) }
	host.Observe = func(name string, value float64) { add("observe " + name + " " + number(value)) }
	return lines
}
