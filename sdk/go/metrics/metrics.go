// Package metrics has figures of the operator's own, limited in number.
package metrics

import "weir/internal/host"

// Count adds to a counter.
func Count(name string, by uint64) { host.Count(name, by) }

// Gauge sets a gauge.
func Gauge(name string, value float64) { host.Gauge(name, value) }

// Observe puts a value into a histogram.
func Observe(name string, value float64) { host.Observe(name, value) }
