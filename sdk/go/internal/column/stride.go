// Moving values between an array and fields that are some bytes apart. Four at a time: a turn of a loop is dear in WebAssembly that the
// Go compiler makes, because every jump back is one through a table.

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
