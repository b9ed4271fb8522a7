// In a component the host is that of the contract. Maps are there for keyed operators only: see package keyed.

package host

import (
	"weir/internal/bindings/weir_operator_log"
	"weir/internal/bindings/weir_operator_metrics"
)

func init() {
	Log = weir_operator_log.Log
	Count, Gauge, Observe = weir_operator_metrics.Count, weir_operator_metrics.Gauge, weir_operator_metrics.Observe
}
