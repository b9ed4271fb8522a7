// The JSON Schema of a configuration, for tools.

package config

import (
	"reflect"
	"strings"

	"weir/internal/column"
)

// Schema gives the JSON Schema of a configuration.
func Schema(t reflect.Type) string {
	return string(appendSchema(nil, t, ""))
}

func appendSchema(to []byte, t reflect.Type, tag reflect.StructTag) []byte {
	if column.IsOpt(t) {
		t = t.Field(0).Type
	}
	switch t.Kind() {
	case reflect.Struct:
		return appendObject(to, t)
	case reflect.Slice:
		to = append(to, `{"type":"array","items":`...)
		return append(appendSchema(to, t.Elem(), tag), '}')
	case reflect.Map:
		to = append(to, `{"type":"object","additionalProperties":`...)
		return append(appendSchema(to, t.Elem(), tag), '}')
	case reflect.Bool:
		return append(to, `{"type":"boolean"}`...)
	case reflect.Float32, reflect.Float64:
		return append(to, `{"type":"number"}`...)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return append(to, `{"type":"integer"}`...)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return append(to, `{"type":"integer","minimum":0}`...)
	}
	to = append(to, `{"type":"string"`...)
	if choices := tag.Get("oneof"); choices != "" {
		to = append(to, `,"enum":[`...)
		for i, choice := range strings.Split(choices, ",") {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendText(to, choice)
		}
		to = append(to, ']')
	}
	return append(to, '}')
}

func appendObject(to []byte, t reflect.Type) []byte {
	to = append(to, `{"type":"object","properties":{`...)
	var required []string
	first := true
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		if !first {
			to = append(to, ',')
		}
		first = false
		to = append(appendText(to, Key(field)), ':')
		to = appendSchema(to, field.Type, field.Tag)
		standard, has := field.Tag.Lookup("default")
		if doc := field.Tag.Get("doc"); doc != "" {
			to = append(to[:len(to)-1], `,"description":`...)
			to = append(appendText(to, doc), '}')
		}
		if has {
			to = append(to[:len(to)-1], `,"default":`...)
			if node := literal(standard, field.Type); node.kind == 's' {
				to = appendText(to, standard)
			} else {
				to = append(to, standard...)
			}
			to = append(to, '}')
		} else if !column.IsOpt(field.Type) {
			required = append(required, Key(field))
		}
	}
	to = append(to, `},"required":[`...)
	for i, key := range required {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendText(to, key)
	}
	return append(to, `],"additionalProperties":false}`...)
}

// appendText appends a text as JSON has it.
func appendText(to []byte, text string) []byte {
	to = append(to, '"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < ' ':
			to = append(to, `\u00`...)
			to = append(to, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}
