// Package column moves values between the columns of the contract and fields of Go structs. What a struct looks like is found out
// once, by reflection; after that columns are read and written by offsets.
package column

import "reflect"

// Kind is what a value is.
type Kind uint8

// The kinds of values.
const (
	Bool Kind = iota
	Fixed
	Utf8
	Binary
	Timestamp
	Decimal
	Number
	List
	Struct
)

// Type is the type of a column, as a field of a Go struct declares it.
type Type struct {
	Kind Kind
	// Format as the contract writes it.
	Format string
	// Size of one value in a column of fixed width.
	Size uintptr
	// Optional says that the field is an Opt, whose Valid is at this offset.
	Optional bool
	Valid    uintptr
	// Go is the type of the field.
	Go reflect.Type
	// Item is what a list has.
	Item *Type
	// Fields are what a struct has.
	Fields []Field
	// Unit of a timestamp: how many in a second.
	Unit int64
	// Precision of a decimal.
	Precision int
	// Checked says that Go's type can hold what the column cannot: see Misfit.
	Checked bool
	// HasLists says that values share memory when they are copied.
	HasLists bool
}

// Field is a field of a struct and its column.
type Field struct {
	Name   string
	Offset uintptr
	Type   *Type
}

// Row is what a struct is as a row: its columns, and what it says beside them.
type Row struct {
	Name   string
	Size   uintptr
	Fields []Field
	// EventTime and Kind are the offsets of fields of these types; negative: there is none.
	EventTime, RowKind int
	// Changelog is what the tag of the kind says.
	Changelog string
	// Keep is which columns of the input are kept.
	Keep Keep
}

// Keep is which columns of the input an output keeps.
type Keep struct {
	// All columns, but those of Drop.
	All  bool
	Drop []string
	// Columns one by one.
	Columns []Kept
	// Rename has new names of kept columns.
	Rename []Kept
}

// Kept is a column, and what it is called in the output.
type Kept struct{ Name, To string }

// HasLists says that copies of a row share memory.
func (r *Row) HasLists() bool {
	for _, field := range r.Fields {
		if field.Type.HasLists {
			return true
		}
	}
	return false
}

// Checked says that a field can hold what its column cannot.
func (r *Row) Checked() bool {
	for _, field := range r.Fields {
		if field.Type.Checked {
			return true
		}
	}
	return false
}
