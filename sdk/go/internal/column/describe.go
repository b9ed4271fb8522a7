// What a struct is as a row, found out by reflection: the only part of the package that looks at Go types.

package column

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"weir/internal/value"
)

const depthMax = 16

// RowOf describes a struct as a row.
func RowOf(t reflect.Type) (*Row, error) {
	return describe(t, func(field reflect.Type) (reflect.Type, bool) { return field, true })
}

// Slices describes a struct of slices as columns: what a slice has is the type of its column.
func Slices(t reflect.Type) (*Row, error) {
	return describe(t, func(field reflect.Type) (reflect.Type, bool) {
		if field.Kind() != reflect.Slice {
			return field, field == reflect.TypeFor[value.KeepAll]() || field == reflect.TypeFor[value.Keep]()
		}
		return field.Elem(), true
	})
}

// describe describes a struct. `of` gives the type of the column of a field, and whether it is one.
func describe(t reflect.Type, of func(field reflect.Type) (reflect.Type, bool)) (*Row, error) {
	if t.Kind() != reflect.Struct {
		return nil, errors.New(t.String() + " is no row: a row is a struct")
	}
	row := &Row{Name: t.Name(), Size: t.Size(), EventTime: -1, RowKind: -1}
	for i := range t.NumField() {
		field := t.Field(i)
		columnType, is := of(field.Type)
		if !is {
			return nil, errors.New("field " + field.Name + " of " + t.String() + " is no slice")
		}
		var err error
		switch columnType {
		case reflect.TypeFor[value.EventTime]():
			err = Tags(t, field)
			row.EventTime = int(field.Offset)
		case reflect.TypeFor[value.Kind]():
			err = Tags(t, field, "changelog")
			row.RowKind, row.Changelog = int(field.Offset), field.Tag.Get("changelog")
		case reflect.TypeFor[value.KeepAll]():
			err = Tags(t, field, "drop", "rename")
			row.Keep.All, row.Keep.Drop = true, names(field.Tag.Get("drop"))
			row.Keep.Rename = kept(field.Tag.Get("rename"))
			for _, one := range row.Keep.Rename {
				if one.Name == "" || one.To == "" {
					err = errors.New("the tag rename of " + t.String() + " is written `rename:\"old=new\"`, not " + strconv.Quote(field.Tag.Get("rename")))
				}
			}
		case reflect.TypeFor[value.Keep]():
			err = Tags(t, field, "columns")
			row.Keep.Columns = kept(field.Tag.Get("columns"))
			if err == nil && len(row.Keep.Columns) == 0 {
				err = errors.New("the weir.Keep of " + t.String() + " says which columns in a tag, as in `columns:\"carrier, price=cents\"`")
			}
		default:
			var one Field
			one, err = fieldOf(t, field, columnType, 0)
			row.Fields = append(row.Fields, one)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, field := range row.Fields {
		for _, other := range row.Fields[:i] {
			if field.Name == other.Name {
				return nil, errors.New(t.String() + " has two fields for the column " + strconv.Quote(field.Name))
			}
		}
	}
	return row, nil
}

func fieldOf(of reflect.Type, field reflect.StructField, columnType reflect.Type, depth int) (Field, error) {
	name := field.Tag.Get("weir")
	if name == "" {
		name = Words(field.Name, '_')
	}
	failed := func(what string) (Field, error) {
		return Field{}, errors.New("field " + field.Name + " of " + of.String() + what)
	}
	if !field.IsExported() {
		return failed(" is not exported: its name must begin with a capital letter")
	}
	t, err := typeOf(columnType, field.Tag, depth)
	if err != nil {
		return failed(": " + err.Error())
	}
	known := []string{"weir"}
	if t.hasDecimals() {
		known = append(known, "decimal")
	}
	if err := Tags(of, field, known...); err != nil {
		return Field{}, err
	}
	return Field{Name: name, Offset: field.Offset, Type: t}, nil
}

// hasDecimals says whether the tag of a field has their digits.
func (t *Type) hasDecimals() bool {
	return t.Kind == Decimal || t.Kind == List && t.Item.hasDecimals()
}

func typeOf(t reflect.Type, tag reflect.StructTag, depth int) (*Type, error) {
	if depth > depthMax {
		return nil, errors.New("it is nested too deeply")
	}
	if IsOpt(t) {
		inner := t.Field(0).Type
		if IsOpt(inner) {
			return nil, errors.New("an Opt of an Opt")
		}
		of, err := typeOf(inner, tag, depth)
		if err != nil {
			return nil, err
		}
		of.Optional, of.Valid, of.Go = true, t.Field(1).Offset, t
		return of, nil
	}
	switch t {
	case reflect.TypeFor[value.Date]():
		return plain("tdD", 4, t), nil
	case reflect.TypeFor[value.Timestamp]():
		return timestamp("u", 1_000_000, t), nil
	case reflect.TypeFor[value.TimestampSeconds]():
		return timestamp("s", 1, t), nil
	case reflect.TypeFor[value.TimestampMillis]():
		return timestamp("m", 1000, t), nil
	case reflect.TypeFor[value.TimestampNanos]():
		return timestamp("n", 1_000_000_000, t), nil
	case reflect.TypeFor[value.Number]():
		return &Type{Kind: Number, Format: "g", Size: 8, Go: t}, nil
	case reflect.TypeFor[value.Decimal]():
		return decimal(tag, t)
	case reflect.TypeFor[value.EventTime](), reflect.TypeFor[value.Kind](), reflect.TypeFor[value.KeepAll](), reflect.TypeFor[value.Keep]():
		return nil, errors.New(t.String() + " stands only in a row itself")
	}
	return goType(t, tag, depth)
}

func goType(t reflect.Type, tag reflect.StructTag, depth int) (*Type, error) {
	switch t.Kind() {
	case reflect.Bool:
		return &Type{Kind: Bool, Format: "b", Size: 1, Go: t}, nil
	case reflect.Int8:
		return plain("c", 1, t), nil
	case reflect.Uint8:
		return plain("C", 1, t), nil
	case reflect.Int16:
		return plain("s", 2, t), nil
	case reflect.Uint16:
		return plain("S", 2, t), nil
	case reflect.Int32:
		return plain("i", 4, t), nil
	case reflect.Uint32:
		return plain("I", 4, t), nil
	case reflect.Int64:
		return plain("l", 8, t), nil
	case reflect.Uint64:
		return plain("L", 8, t), nil
	case reflect.Float32:
		return plain("f", 4, t), nil
	case reflect.Float64:
		return plain("g", 8, t), nil
	case reflect.String:
		return &Type{Kind: Utf8, Format: "u", Go: t, Checked: true}, nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Type{Kind: Binary, Format: "z", Go: t, HasLists: true}, nil
		}
		item, err := typeOf(t.Elem(), tag, depth+1)
		if err != nil {
			return nil, err
		}
		return &Type{Kind: List, Format: "+l", Go: t, Item: item, Checked: item.Checked, HasLists: true}, nil
	case reflect.Struct:
		of := &Type{Kind: Struct, Format: "+s", Go: t}
		for i := range t.NumField() {
			field, err := fieldOf(t, t.Field(i), t.Field(i).Type, depth+1)
			if err != nil {
				return nil, err
			}
			of.Fields = append(of.Fields, field)
			of.Checked = of.Checked || field.Type.Checked
			of.HasLists = of.HasLists || field.Type.HasLists
		}
		return of, nil
	}
	hint := ""
	switch t.Kind() {
	case reflect.Int, reflect.Uint:
		hint = ": say how large it is, as int64"
	case reflect.Pointer:
		hint = ": a value that may be null is a weir.Opt"
	}
	return nil, errors.New("a " + t.String() + " is no column" + hint)
}

func plain(format string, size uintptr, t reflect.Type) *Type {
	return &Type{Kind: Fixed, Format: format, Size: size, Go: t}
}

func timestamp(unit string, per int64, t reflect.Type) *Type {
	return &Type{Kind: Timestamp, Format: "ts" + unit + ":UTC", Size: 8, Unit: per, Go: t}
}

func decimal(tag reflect.StructTag, t reflect.Type) (*Type, error) {
	precision, scale, _ := strings.Cut(tag.Get("decimal"), ",")
	p, err := strconv.Atoi(strings.TrimSpace(precision))
	s, err2 := strconv.Atoi(strings.TrimSpace(scale))
	if err != nil || err2 != nil || p < 1 || p > 38 || s < 0 || s > p {
		return nil, errors.New("a Decimal has a tag with its digits and those behind the point, as in `decimal:\"12,2\"`")
	}
	format := "d:" + strconv.Itoa(p) + "," + strconv.Itoa(s)
	return &Type{Kind: Decimal, Format: format, Size: 16, Precision: p, Go: t, Checked: true}, nil
}

// IsOpt says whether a type is an Opt of package value.
func IsOpt(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "Opt[") && t.PkgPath() == reflect.TypeFor[value.Date]().PkgPath()
}

// Words writes a name of Go in lower case, with a character between its words: DepDelay is dep_delay, URLPath is url_path.
func Words(name string, between byte) string {
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	words := make([]byte, 0, len(name)+4)
	for i := range len(name) {
		c := name[i]
		if upper(c) {
			if i > 0 && (!upper(name[i-1]) || i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z') && name[i-1] != '_' {
				words = append(words, between)
			}
			c += 'a' - 'A'
		} else if c == '_' {
			c = between
		}
		words = append(words, c)
	}
	return string(words)
}

func names(list string) []string {
	var all []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

func kept(list string) []Kept {
	var all []Kept
	for _, item := range names(list) {
		name, to, _ := strings.Cut(item, "=")
		all = append(all, Kept{strings.TrimSpace(name), strings.TrimSpace(to)})
	}
	return all
}
