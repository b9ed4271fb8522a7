// Schemas of the contract, and types as people write them.

package column

import (
	"strconv"
	"strings"

	wire "weir/internal/bindings/weir_operator_types"
)

// Schema is the columns of an input: of each its nodes in pre-order.
type Schema [][]wire.Field

// SchemaOf splits nodes in pre-order into columns. It copies texts: those of the host last for one call.
func SchemaOf(fields []wire.Field) Schema {
	var columns Schema
	for len(fields) > 0 {
		size := nodes(fields)
		column := make([]wire.Field, size)
		for i, field := range fields[:size] {
			field.Name, field.Format = strings.Clone(field.Name), strings.Clone(field.Format)
			column[i] = field
		}
		columns, fields = append(columns, column), fields[size:]
	}
	return columns
}

// nodes counts the nodes of the first subtree.
func nodes(fields []wire.Field) int {
	size := 1
	for range fields[0].Children {
		size += nodes(fields[size:])
	}
	return size
}

// Index finds a column by its name; negative: there is none.
func (s Schema) Index(name string) int {
	for i, column := range s {
		if column[0].Name == name {
			return i
		}
	}
	return -1
}

// String gives the columns as messages list them.
func (s Schema) String() string {
	if len(s) == 0 {
		return "no columns"
	}
	return listing(s)
}

func listing(columns Schema) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column[0].Name + ": " + TypeName(column)
	}
	return strings.Join(list, ", ")
}

var simpleNames = map[string]string{
	"n": "null", "b": "bool", "c": "int8", "C": "uint8", "s": "int16", "S": "uint16", "i": "int32", "I": "uint32", "l": "int64",
	"L": "uint64", "f": "float32", "g": "float64", "u": "utf8", "z": "binary", "tdD": "date32",
}

// TypeName gives the type of a column as a pipeline writes it.
func TypeName(column []wire.Field) string {
	format := column[0].Format
	if name, found := simpleNames[format]; found {
		return name
	}
	switch {
	case format == "+l" && len(column) > 1:
		return "list<" + TypeName(column[1:]) + ">"
	case format == "+s":
		return "struct<" + listing(SchemaOf(column[1:])) + ">"
	case strings.HasPrefix(format, "d:"):
		return "decimal128(" + strings.ReplaceAll(format[2:], ",", ", ") + ")"
	case strings.HasPrefix(format, "ts") && len(format) > 2:
		unit, zone, _ := strings.Cut(format[2:], ":")
		if unit != "s" {
			unit += "s"
		}
		if zone != "" {
			unit += ", " + zone
		}
		return "timestamp(" + unit + ")"
	}
	return strconv.Quote(format)
}

// Schema gives the nodes of a column of this type.
func (t *Type) Schema(name string) []wire.Field {
	own := wire.Field{Name: name, Format: t.Format, Nullable: t.Optional}
	var below []wire.Field
	if t.Item != nil {
		own.Children, below = 1, t.Item.Schema("item")
	}
	for _, field := range t.Fields {
		own.Children++
		below = append(below, field.Type.Schema(field.Name)...)
	}
	return append([]wire.Field{own}, below...)
}

// Schema gives the nodes of the columns of a row.
func (r *Row) Schema() []wire.Field {
	all := []wire.Field{}
	for _, field := range r.Fields {
		all = append(all, field.Type.Schema(field.Name)...)
	}
	return all
}

// needs says which columns can be read as this type, for messages.
func (t *Type) needs() string {
	if t.Kind == Number {
		return "any integer or float"
	}
	return TypeName(t.Schema(""))
}
