// How a transform becomes that of the component.

package transform

import (
	_ "weir/internal/bindings/transform"
	export "weir/internal/export/export_weir_operator_transform"
)

func register(operator *Operator) {
	export.The.Set(operator)
}
