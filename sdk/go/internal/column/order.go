// Rows as bytes in the order that the host keeps entries of maps in.

package column

import (
	"encoding/binary"
	"math"
	"unsafe"

	"weir/internal/value"
)

// AppendKey appends a row as bytes that are in the order of the rows: by the first field, then the next; nulls first, floats in
// total order, texts by bytes. Two rows have the same bytes if they are the same.
func AppendKey(key []byte, fields []Field, row unsafe.Pointer) []byte {
	for _, field := range fields {
		key = field.Type.appendKey(key, unsafe.Add(row, field.Offset))
	}
	return key
}

func (t *Type) appendKey(key []byte, p unsafe.Pointer) []byte {
	if t.Optional {
		if t.isNull(p) {
			return append(key, 0)
		}
		key = append(key, 1)
	}
	switch t.Kind {
	case Bool:
		if *(*bool)(p) {
			return append(key, 1)
		}
		return append(key, 0)
	case Decimal:
		number := (*value.Decimal)(p)
		key = binary.BigEndian.AppendUint64(key, uint64(number.Hi)^1<<63)
		return binary.BigEndian.AppendUint64(key, number.Lo)
	case Fixed, Timestamp, Number:
		return t.appendFixed(key, p)
	case Utf8, Binary:
		for _, c := range []byte(*(*string)(p)) {
			if key = append(key, c); c == 0 {
				key = append(key, 0xff)
			}
		}
		return append(key, 0, 0)
	case List:
		list, size := (*slice)(p), t.Item.Go.Size()
		for i := range list.len {
			key = t.Item.appendKey(append(key, 1), unsafe.Add(list.data, uintptr(i)*size))
		}
		return append(key, 0)
	}
	return AppendKey(key, t.Fields, p)
}

func (t *Type) appendFixed(key []byte, p unsafe.Pointer) []byte {
	switch t.Format[0] {
	case 'C':
		return append(key, *(*uint8)(p))
	case 'c':
		return append(key, *(*uint8)(p)^1<<7)
	case 'S':
		return binary.BigEndian.AppendUint16(key, *(*uint16)(p))
	case 's':
		return binary.BigEndian.AppendUint16(key, *(*uint16)(p)^1<<15)
	case 'I':
		return binary.BigEndian.AppendUint32(key, *(*uint32)(p))
	case 'L':
		return binary.BigEndian.AppendUint64(key, *(*uint64)(p))
	case 'f':
		return binary.BigEndian.AppendUint32(key, total32(*(*float32)(p)))
	case 'g':
		return binary.BigEndian.AppendUint64(key, total64(*(*float64)(p)))
	}
	if t.Size == 4 { // int32 and dates
		return binary.BigEndian.AppendUint32(key, *(*uint32)(p)^1<<31)
	}
	return binary.BigEndian.AppendUint64(key, *(*uint64)(p)^1<<63)
}

// total32 and total64 give floats as integers in IEEE 754's total order.
func total32(number float32) uint32 {
	if bits := math.Float32bits(number); bits>>31 == 0 {
		return bits | 1<<31
	} else {
		return ^bits
	}
}

func total64(number float64) uint64 {
	if bits := math.Float64bits(number); bits>>63 == 0 {
		return bits | 1<<63
	} else {
		return ^bits
	}
}
