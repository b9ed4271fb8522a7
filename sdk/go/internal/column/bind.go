// Matching what an operator reads against the columns of its input, by name and type.

package column

import (
	"errors"
	"strconv"
	"strings"

	wire "weir/internal/bindings/weir_operator_types"
)

// Reader reads one column into one field of many rows.
type Reader struct {
	of *Type
	// path names the column in messages.
	path string
	// offset of the field in its row.
	offset uintptr
	// nodes of the column.
	nodes int
	// factor between the units of the column and of the field, of a timestamp.
	factor int64
	// source is the format of the column, of a number.
	source byte
	// below are the item of a list, or the fields of a struct that are there; starts are the nodes where these begin.
	below  []*Reader
	starts []int
}

// Bind finds a field's column in a schema. Its index is negative if it is not there and need not be: see NewRows.
func Bind(field Field, name string, schema Schema) (*Reader, int, error) {
	index := schema.Index(name)
	if index < 0 {
		return nil, -1, errors.New("there is no column " + strconv.Quote(name) + " (" + field.Type.needs() +
			"), which the operator reads; the input has " + schema.String())
	}
	reader := bind(field.Type, name, field.Offset, schema[index])
	if reader == nil {
		return nil, -1, errors.New("column " + strconv.Quote(name) + " is " + TypeName(schema[index]) +
			", but the operator reads it as " + field.Type.needs() + "; the input has " + schema.String())
	}
	return reader, index, nil
}

// bind gives nil if the column cannot be read as this type.
func bind(t *Type, path string, offset uintptr, column []wire.Field) *Reader {
	reader := &Reader{of: t, path: path, offset: offset, nodes: len(column)}
	format := column[0].Format
	switch t.Kind {
	case Number:
		if len(format) != 1 || !strings.Contains("cCsSiIlLfg", format) {
			return nil
		}
		reader.source = format[0]
	case Timestamp:
		if !strings.HasPrefix(format, "ts") || len(format) < 3 {
			return nil
		}
		per := map[byte]int64{'s': 1, 'm': 1000, 'u': 1_000_000, 'n': 1_000_000_000}[format[2]]
		if per == 0 || per > t.Unit {
			return nil
		}
		reader.factor = t.Unit / per
	case List:
		if format != "+l" {
			return nil
		}
		item := bind(t.Item, path+"[]", 0, column[1:])
		if item == nil {
			return nil
		}
		reader.below = []*Reader{item}
	case Struct:
		if format != "+s" {
			return nil
		}
		children := SchemaOf(column[1:])
		for _, field := range t.Fields {
			index := children.Index(field.Name)
			if index < 0 && field.Type.Optional {
				continue // nobody writes to its memory, which is null
			}
			if index < 0 {
				return nil
			}
			child := bind(field.Type, path+"."+field.Name, field.Offset, children[index])
			if child == nil {
				return nil
			}
			start := 1
			for _, before := range children[:index] {
				start += len(before)
			}
			reader.below, reader.starts = append(reader.below, child), append(reader.starts, start)
		}
	default:
		if format != t.Format {
			return nil
		}
	}
	return reader
}
