// How a keyed operator becomes that of the component.

package keyed

import (
	_ "weir/internal/bindings/keyed"
	"weir/internal/bindings/weir_operator_maps"
	export "weir/internal/export/export_weir_operator_keyed"
	"weir/internal/host"
)

func register(operator export.Operator) {
	host.MapGet, host.MapScan = weir_operator_maps.Get, weir_operator_maps.Scan
	export.The.Set(operator)
}
