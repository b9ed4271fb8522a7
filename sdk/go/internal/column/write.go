// Writing a field of many rows as a column.

package column

import (
	"slices"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
)

// Writer makes one column of one field of many rows. Its memory is used again after Reset.
type Writer struct {
	of     *Type
	offset uintptr
	n      int
	nulls  int
	// valid has one bit per value; empty while there are no nulls.
	valid   []byte
	values  []byte
	offsets []int32
	below   []*Writer
}

// NewWriter makes a writer of a field.
func NewWriter(field Field) *Writer {
	w := &Writer{of: field.Type, offset: field.Offset, offsets: []int32{0}}
	if w.of.Item != nil {
		w.below = append(w.below, NewWriter(Field{Type: w.of.Item}))
	}
	for _, child := range w.of.Fields {
		w.below = append(w.below, NewWriter(child))
	}
	return w
}

// Reset begins a new column.
func (w *Writer) Reset() {
	w.n, w.nulls = 0, 0
	w.valid, w.values, w.offsets = w.valid[:0], w.values[:0], w.offsets[:1]
	for _, child := range w.below {
		child.Reset()
	}
}

// Append writes n rows at base that are stride bytes apart.
func (w *Writer) Append(base unsafe.Pointer, stride uintptr, n int) {
	if n == 0 {
		return
	}
	base = unsafe.Add(base, w.offset)
	if w.of.Optional {
		w.validity(base, stride, n)
	} else if w.nulls > 0 {
		w.valid = ones(w.valid, w.n+n)
	}
	switch w.of.Kind {
	case Bool:
		for i := range n {
			w.values = Push(w.values, w.n+i, *(*bool)(unsafe.Add(base, uintptr(i)*stride)))
		}
	case Fixed, Decimal, Timestamp, Number:
		w.fixed(base, stride, n)
	case Utf8, Binary:
		for i := range n {
			// A slice begins as a string does.
			text := *(*string)(unsafe.Add(base, uintptr(i)*stride))
			w.values = append(w.values, text...)
			w.offsets = append(w.offsets, int32(len(w.values)))
		}
	case List:
		item := w.below[0]
		for i := range n {
			list := (*slice)(unsafe.Add(base, uintptr(i)*stride))
			item.Append(list.data, w.of.Item.Go.Size(), list.len)
			w.offsets = append(w.offsets, int32(item.n))
		}
	case Struct:
		for _, child := range w.below {
			child.Append(base, stride, n)
		}
	}
	w.n += n
}

// AppendNulls writes n rows that are null, whether or not the field may be.
func (w *Writer) AppendNulls(n int) {
	if n == 0 {
		return
	}
	w.valid = ones(w.valid, w.n+n)
	for i := range n {
		w.valid[(w.n+i)>>3] &^= 1 << ((w.n + i) & 7)
	}
	w.nulls += n
	switch w.of.Kind {
	case Bool:
		for i := range n {
			w.values = Push(w.values, w.n+i, false)
		}
	case Fixed, Decimal, Timestamp, Number:
		w.values = append(w.values, make([]byte, n*int(w.of.Size))...)
	case Utf8, Binary, List:
		for range n {
			w.offsets = append(w.offsets, w.offsets[len(w.offsets)-1])
		}
	case Struct:
		for _, child := range w.below {
			child.AppendNulls(n)
		}
	}
	w.n += n
}

// Nodes appends the nodes of the column.
func (w *Writer) Nodes(nodes []wire.Node) []wire.Node {
	node := wire.Node{Length: uint32(w.n), NullCount: uint32(w.nulls)}
	var valid []byte
	if w.nulls > 0 {
		valid = w.valid
	}
	switch w.of.Kind {
	case Utf8, Binary:
		node.Buffers = [][]byte{valid, Bytes(w.offsets), w.values}
	case List:
		node.Buffers = [][]byte{valid, Bytes(w.offsets)}
	case Struct:
		node.Buffers = [][]byte{valid}
	default:
		node.Buffers = [][]byte{valid, w.values}
	}
	nodes = append(nodes, node)
	for _, child := range w.below {
		nodes = child.Nodes(nodes)
	}
	return nodes
}

// validity writes which rows are there. Those that are not get zeros, whatever their Value is.
func (w *Writer) validity(base unsafe.Pointer, stride uintptr, n int) {
	flags := unsafe.Add(base, w.of.Valid)
	if w.nulls > 0 {
		w.valid = ones(w.valid, w.n+n)
	}
	for i := range n {
		if *(*bool)(unsafe.Add(flags, uintptr(i)*stride)) {
			continue
		}
		if w.nulls == 0 {
			w.valid = ones(w.valid, w.n+n)
		}
		at := w.n + i
		w.valid[at>>3] &^= 1 << (at & 7)
		w.nulls++
		w.of.zero(unsafe.Add(base, uintptr(i)*stride))
	}
}

func (w *Writer) fixed(base unsafe.Pointer, stride uintptr, n int) {
	switch w.of.Size {
	case 1:
		w.values = appendBytes[uint8](w.values, base, stride, n)
	case 2:
		w.values = appendBytes[uint16](w.values, base, stride, n)
	case 4:
		w.values = appendBytes[uint32](w.values, base, stride, n)
	case 8:
		w.values = appendBytes[uint64](w.values, base, stride, n)
	case 16:
		w.values = appendBytes[[2]uint64](w.values, base, stride, n)
	}
}

func appendBytes[T any](values []byte, base unsafe.Pointer, stride uintptr, n int) []byte {
	var one T
	at, size := len(values), n*int(unsafe.Sizeof(one))
	values = slices.Grow(values, size)[:at+size]
	gather(unsafe.Slice((*T)(unsafe.Pointer(&values[at])), n), base, stride)
	return values
}

// Gather appends n values at base that are stride bytes apart.
func Gather[T any](values []T, base unsafe.Pointer, stride uintptr, n int) []T {
	at := len(values)
	values = slices.Grow(values, n)[:at+n]
	gather(values[at:], base, stride)
	return values
}

// ones makes a bitmap longer, with ones. The bits behind its end are ones, too.
func ones(bitmap []byte, to int) []byte {
	for len(bitmap)*8 < to {
		bitmap = append(bitmap, 0xff)
	}
	return bitmap
}

// Bytes looks at numbers as bytes.
func Bytes[T any](values []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(one)))
}

// Push appends a bit to a bitmap of some length.
func Push(bitmap []byte, at int, is bool) []byte {
	if at&7 == 0 {
		bitmap = append(bitmap, 0)
	}
	if is {
		bitmap[at>>3] |= 1 << (at & 7)
	}
	return bitmap
}

// Bit reads a bit of a bitmap; one that is empty has only ones.
func Bit(bitmap []byte, at int) bool {
	return len(bitmap) == 0 || bit(bitmap, at)
}
