// Moving values between an array and fields that are some bytes apart, four at a time: an iteration of a loop is expensive in WebAssembly
// that the Go compiler makes, because every backward jump goes through a table.

package column

import "unsafe"

// spread writes values to base and on.
func spread[T any](values []T, base unsafe.Pointer, stride uintptr) {
	n := len(values)
	if n > 0 && stride == unsafe.Sizeof(values[0]) {
		copy(unsafe.Slice((*T)(base), n), values)
		return
	}
	i := 0
	for ; i+4 <= n; i += 4 {
		at, four := unsafe.Add(base, uintptr(i)*stride), values[i:i+4:i+4]
		*(*T)(at) = four[0]
		*(*T)(unsafe.Add(at, stride)) = four[1]
		*(*T)(unsafe.Add(at, 2*stride)) = four[2]
		*(*T)(unsafe.Add(at, 3*stride)) = four[3]
	}
	for ; i < n; i++ {
		*(*T)(unsafe.Add(base, uintptr(i)*stride)) = values[i]
	}
}

// gather reads values from base and on.
func gather[T any](values []T, base unsafe.Pointer, stride uintptr) {
	n := len(values)
	if n > 0 && stride == unsafe.Sizeof(values[0]) {
		copy(values, unsafe.Slice((*T)(base), n))
		return
	}
	i := 0
	for ; i+4 <= n; i += 4 {
		at, four := unsafe.Add(base, uintptr(i)*stride), values[i:i+4:i+4]
		four[0] = *(*T)(at)
		four[1] = *(*T)(unsafe.Add(at, stride))
		four[2] = *(*T)(unsafe.Add(at, 2*stride))
		four[3] = *(*T)(unsafe.Add(at, 3*stride))
	}
	for ; i < n; i++ {
		values[i] = *(*T)(unsafe.Add(base, uintptr(i)*stride))
	}
}

// fill writes the same value n times.
func fill[T any](value T, n int, base unsafe.Pointer, stride uintptr) {
	i := 0
	for ; i+4 <= n; i += 4 {
		at := unsafe.Add(base, uintptr(i)*stride)
		*(*T)(at) = value
		*(*T)(unsafe.Add(at, stride)) = value
		*(*T)(unsafe.Add(at, 2*stride)) = value
		*(*T)(unsafe.Add(at, 3*stride)) = value
	}
	for ; i < n; i++ {
		*(*T)(unsafe.Add(base, uintptr(i)*stride)) = value
	}
}

// isASCII says whether a text has only ASCII characters: then it is UTF-8.
func isASCII(text string) bool {
	n := len(text)
	p := unsafe.Pointer(unsafe.StringData(text))
	word := func(at int) uint64 { return *(*uint64)(unsafe.Add(p, at)) }
	if n < 8 {
		all := byte(0)
		for i := range n {
			all |= text[i]
		}
		return all < 0x80
	}
	all, i := word(n-8), 0
	for ; i+32 <= n; i += 32 {
		all |= word(i) | word(i+8) | word(i+16) | word(i+24)
	}
	for ; i+8 <= n; i += 8 {
		all |= word(i)
	}
	return all&0x8080808080808080 == 0
}
