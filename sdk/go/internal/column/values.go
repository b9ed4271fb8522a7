// What can be done with a value of any type: comparing, copying, and looking whether its column can hold it.

package column

import (
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"weir/internal/value"
)

// zero makes a value the zero value of its type.
func (t *Type) zero(p unsafe.Pointer) {
	switch t.Kind {
	case Bool:
		*(*bool)(p) = false
	case Fixed, Decimal, Timestamp, Number:
		clear(unsafe.Slice((*byte)(p), t.Size))
	case Utf8:
		*(*string)(p) = ""
	case Binary, List:
		*(*slice)(p) = slice{}
	case Struct:
		for _, field := range t.Fields {
			at := unsafe.Add(p, field.Offset)
			field.Type.zero(at)
			if field.Type.Optional {
				*(*bool)(unsafe.Add(at, field.Type.Valid)) = false
			}
		}
	}
}

func (t *Type) isNull(p unsafe.Pointer) bool {
	return t.Optional && !*(*bool)(unsafe.Add(p, t.Valid))
}

// Misfit says what is wrong with a row that has a value that its column cannot hold; it is empty if there is none.
func Misfit(fields []Field, row unsafe.Pointer) string {
	for _, field := range fields {
		if !field.Type.Checked {
			continue
		}
		if reason := field.Misfit(unsafe.Add(row, field.Offset)); reason != "" {
			return reason
		}
	}
	return ""
}

// Misfit is Misfit for one value.
func (f *Field) Misfit(p unsafe.Pointer) string {
	if reason := f.Type.misfit(p); reason != "" {
		return "column " + strconv.Quote(f.Name) + " " + reason
	}
	return ""
}

func (t *Type) misfit(p unsafe.Pointer) string {
	if !t.Checked || t.isNull(p) {
		return ""
	}
	switch t.Kind {
	case Utf8:
		if text := *(*string)(p); !isASCII(text) && !utf8.ValidString(text) {
			return "was given a text that is not UTF-8"
		}
	case Decimal:
		if number := *(*value.Decimal)(p); number.Digits() > t.Precision {
			return "is " + t.needs() + ", and cannot hold " + number.String() + " (without its point)"
		}
	case List:
		list, size := (*slice)(p), t.Item.Go.Size()
		for i := range list.len {
			if reason := t.Item.misfit(unsafe.Add(list.data, uintptr(i)*size)); reason != "" {
				return reason
			}
		}
	case Struct:
		return Misfit(t.Fields, p)
	}
	return ""
}

// Equal says whether two rows have the same values; floats are compared by their bits.
func Equal(fields []Field, a, b unsafe.Pointer) bool {
	for _, field := range fields {
		if !field.Type.equal(unsafe.Add(a, field.Offset), unsafe.Add(b, field.Offset)) {
			return false
		}
	}
	return true
}

func (t *Type) equal(a, b unsafe.Pointer) bool {
	if t.Optional {
		if null := t.isNull(a); null || null != t.isNull(b) {
			return null == t.isNull(b)
		}
	}
	switch t.Kind {
	case Bool:
		return *(*bool)(a) == *(*bool)(b)
	case Fixed, Decimal, Timestamp, Number:
		switch t.Size {
		case 8:
			return *(*uint64)(a) == *(*uint64)(b)
		case 4:
			return *(*uint32)(a) == *(*uint32)(b)
		}
		return unsafe.String((*byte)(a), t.Size) == unsafe.String((*byte)(b), t.Size)
	case Utf8, Binary:
		// A slice begins as a string does.
		return *(*string)(a) == *(*string)(b)
	case List:
		list, other, size := (*slice)(a), (*slice)(b), t.Item.Go.Size()
		if list.len != other.len {
			return false
		}
		for i := range list.len {
			if !t.Item.equal(unsafe.Add(list.data, uintptr(i)*size), unsafe.Add(other.data, uintptr(i)*size)) {
				return false
			}
		}
		return true
	case Struct:
		return Equal(t.Fields, a, b)
	}
	return false
}

// Unshare gives a row its own copies of what it shares with the row that it was copied from.
func Unshare(fields []Field, row unsafe.Pointer) {
	for _, field := range fields {
		if field.Type.HasLists {
			field.Type.unshare(unsafe.Add(row, field.Offset))
		}
	}
}

// UnshareSlices is Unshare for a struct of slices.
func (r *Row) UnshareSlices(base unsafe.Pointer) {
	for _, field := range r.Fields {
		of := Type{Kind: List, Item: field.Type}
		of.unshare(unsafe.Add(base, field.Offset))
	}
	if at := r.EventTime; at >= 0 {
		times := (*[]int64)(unsafe.Add(base, at))
		*times = slices.Clone(*times)
	}
	if at := r.RowKind; at >= 0 {
		kinds := (*[]byte)(unsafe.Add(base, at))
		*kinds = slices.Clone(*kinds)
	}
}

func (t *Type) unshare(p unsafe.Pointer) {
	switch t.Kind {
	case Binary:
		list := (*[]byte)(p)
		*list = append([]byte(nil), *list...)
	case List:
		list, size := (*slice)(p), t.Item.Go.Size()
		if list.len == 0 {
			return
		}
		from := reflect.NewAt(reflect.SliceOf(t.Item.Go), p).Elem()
		to := reflect.MakeSlice(from.Type(), list.len, list.len)
		reflect.Copy(to, from)
		from.Set(to)
		for i := 0; t.Item.HasLists && i < list.len; i++ {
			t.Item.unshare(unsafe.Add(list.data, uintptr(i)*size))
		}
	case Struct:
		Unshare(t.Fields, p)
	}
}
