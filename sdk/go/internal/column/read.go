// Reading a column into a field of many rows.

package column

import (
	"math"
	"reflect"
	"strconv"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
)

// Fail refuses a row, by its index among those that are read.
type Fail func(row int, reason string)

// Nodes says how many nodes the column has.
func (r *Reader) Nodes() int {
	return r.nodes
}

// Read reads n rows of a column, from row `from`, into rows at base that are stride bytes apart. Where a row fails its field has
// any value.
func (r *Reader) Read(nodes []wire.Node, from, n int, base unsafe.Pointer, stride uintptr, fail Fail) {
	if n > 0 {
		r.read(nodes, from, n, unsafe.Add(base, r.offset), stride, fail)
	}
}

// read is Read with the field of the first row at base.
func (r *Reader) read(nodes []wire.Node, from, n int, base unsafe.Pointer, stride uintptr, fail Fail) {
	node := &nodes[0]
	if int(node.Length) < from+n {
		panic("the host passed a column that is too short: " + r.path)
	}
	var valid []byte
	if node.NullCount > 0 && len(node.Buffers[0]) > 0 {
		valid = View[byte](node.Buffers[0], (from+n+7)/8)
	}
	if valid != nil {
		outer := fail
		fail = func(row int, reason string) {
			if bit(valid, from+row) {
				outer(row, reason)
			}
		}
		if !r.of.Optional {
			for i := range n {
				if !bit(valid, from+i) {
					outer(i, "column "+strconv.Quote(r.path)+" is null, and its field is no weir.Opt")
				}
			}
		}
	}
	r.values(nodes, from, n, base, stride, fail)
	if r.of.Optional {
		r.validity(valid, from, n, base, stride)
	}
}

func (r *Reader) validity(valid []byte, from, n int, base unsafe.Pointer, stride uintptr) {
	flags := unsafe.Add(base, r.of.Valid)
	fill(true, n, flags, stride)
	for i := 0; valid != nil && i < n; i++ {
		if !bit(valid, from+i) {
			r.of.zero(unsafe.Add(base, uintptr(i)*stride))
			*(*bool)(unsafe.Add(flags, uintptr(i)*stride)) = false
		}
	}
}

func (r *Reader) values(nodes []wire.Node, from, n int, base unsafe.Pointer, stride uintptr, fail Fail) {
	buffers := nodes[0].Buffers
	switch r.of.Kind {
	case Bool:
		bits := View[byte](buffers[1], (from+n+7)/8)
		for i := range n {
			*(*bool)(unsafe.Add(base, uintptr(i)*stride)) = bit(bits, from+i)
		}
	case Fixed, Decimal:
		r.fixed(buffers[1], from, n, base, stride)
	case Timestamp:
		times := View[int64](buffers[1], from+n)[from:]
		if r.factor == 1 {
			spread(times, base, stride)
			return
		}
		for i, time := range times {
			if time > math.MaxInt64/r.factor || time < math.MinInt64/r.factor {
				fail(i, "column "+strconv.Quote(r.path)+" has an instant that "+r.of.needs()+" cannot hold")
			}
			*(*int64)(unsafe.Add(base, uintptr(i)*stride)) = time * r.factor
		}
	case Number:
		r.numbers(buffers[1], from, n, base, stride)
	case Utf8, Binary:
		offsets := View[int32](buffers[1], from+n+1)[from:]
		for i := range n {
			part := buffers[2][offsets[i]:offsets[i+1]:offsets[i+1]]
			if r.of.Kind == Utf8 {
				*(*string)(unsafe.Add(base, uintptr(i)*stride)) = unsafe.String(unsafe.SliceData(part), len(part))
			} else {
				*(*[]byte)(unsafe.Add(base, uintptr(i)*stride)) = part
			}
		}
	case List:
		r.lists(nodes, from, n, base, stride, fail)
	case Struct:
		for i, child := range r.below {
			child.Read(nodes[r.starts[i]:], from, n, base, stride, fail)
		}
	}
}

func (r *Reader) fixed(values []byte, from, n int, base unsafe.Pointer, stride uintptr) {
	switch r.of.Size {
	case 1:
		spread(View[uint8](values, from+n)[from:], base, stride)
	case 2:
		spread(View[uint16](values, from+n)[from:], base, stride)
	case 4:
		spread(View[uint32](values, from+n)[from:], base, stride)
	case 8:
		spread(View[uint64](values, from+n)[from:], base, stride)
	case 16:
		spread(View[[2]uint64](values, from+n)[from:], base, stride)
	}
}

func (r *Reader) numbers(values []byte, from, n int, base unsafe.Pointer, stride uintptr) {
	switch r.source {
	case 'c':
		convert(View[int8](values, from+n)[from:], base, stride)
	case 'C':
		convert(View[uint8](values, from+n)[from:], base, stride)
	case 's':
		convert(View[int16](values, from+n)[from:], base, stride)
	case 'S':
		convert(View[uint16](values, from+n)[from:], base, stride)
	case 'i':
		convert(View[int32](values, from+n)[from:], base, stride)
	case 'I':
		convert(View[uint32](values, from+n)[from:], base, stride)
	case 'l':
		convert(View[int64](values, from+n)[from:], base, stride)
	case 'L':
		convert(View[uint64](values, from+n)[from:], base, stride)
	case 'f':
		convert(View[float32](values, from+n)[from:], base, stride)
	case 'g':
		convert(View[float64](values, from+n)[from:], base, stride)
	}
}

// slice is how Go has a slice in memory.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

func (r *Reader) lists(nodes []wire.Node, from, n int, base unsafe.Pointer, stride uintptr, fail Fail) {
	offsets := View[int32](nodes[0].Buffers[1], from+n+1)[from:]
	item, first := r.below[0], int(offsets[0])
	size := item.of.Go.Size()
	var bad map[int]string
	items := item.items(nodes[1:], first, int(offsets[n])-first, func(at int, reason string) {
		if bad == nil {
			bad = map[int]string{}
		}
		bad[at] = reason
	})
	for i := range n {
		at, end := int(offsets[i])-first, int(offsets[i+1])-first
		list := (*slice)(unsafe.Add(base, uintptr(i)*stride))
		if at == end {
			*list = slice{}
			continue
		}
		*list = slice{unsafe.Add(items, uintptr(at)*size), end - at, end - at}
		for ; bad != nil && at < end; at++ {
			if reason, found := bad[at]; found {
				fail(i, reason)
				break
			}
		}
	}
}

// items gives values of a column one after the other, as a Go slice has them: where they are, or converted.
func (r *Reader) items(nodes []wire.Node, first, count int, fail Fail) unsafe.Pointer {
	if count == 0 {
		return nil
	}
	size := r.of.Go.Size()
	if r.isPlain(&nodes[0]) {
		return unsafe.Pointer(&View[byte](nodes[0].Buffers[1], (first+count)*int(size))[first*int(size)])
	}
	values := reflect.MakeSlice(reflect.SliceOf(r.of.Go), count, count).UnsafePointer()
	r.read(nodes, first, count, values, size, fail)
	return values
}

// isPlain says whether the values of a column are in memory as Go has them.
func (r *Reader) isPlain(node *wire.Node) bool {
	fixed := r.of.Kind == Fixed || r.of.Kind == Decimal || r.of.Kind == Timestamp && r.factor == 1
	return fixed && !r.of.Optional && node.NullCount == 0
}

// View looks at bytes as numbers.
func View[T any](bytes []byte, n int) []T {
	var one T
	if uintptr(len(bytes)) < uintptr(n)*unsafe.Sizeof(one) {
		panic("the host passed a buffer that is too short")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), n)
}

func bit(bits []byte, at int) bool {
	return bits[at>>3]>>(at&7)&1 != 0
}

func convert[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64](values []T, base unsafe.Pointer, stride uintptr) {
	for i, one := range values {
		*(*float64)(unsafe.Add(base, uintptr(i)*stride)) = float64(one)
	}
}
