// How an aggregate becomes that of the component.

package aggregate

import (
	_ "weir/internal/bindings/aggregate"
	export "weir/internal/export/export_weir_operator_aggregate"
)

func register(operator export.Operator) {
	export.The.Set(operator)
}
