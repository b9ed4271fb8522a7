// Decimals of 128 bits.

package value

import (
	"math/bits"
	"strconv"
)

// Decimal is a decimal128 without its point: 12.34 in a column with the tag `decimal:"12,2"` is 1234. It has 128 bits, two's
// complement.
type Decimal struct {
	// Lo has the low 64 bits, Hi the high ones. The order is that of the column.
	Lo uint64
	Hi int64
}

// DecimalOf gives an integer as a decimal without its point.
func DecimalOf(unscaled int64) Decimal {
	return Decimal{Lo: uint64(unscaled), Hi: unscaled >> 63}
}

// Int64 gives the number without its point, and whether it is an int64.
func (d Decimal) Int64() (int64, bool) {
	return int64(d.Lo), d.Hi == int64(d.Lo)>>63
}

// Add adds; beyond 128 bits it wraps, and no column holds so much.
func (d Decimal) Add(other Decimal) Decimal {
	lo, carry := bits.Add64(d.Lo, other.Lo, 0)
	hi, _ := bits.Add64(uint64(d.Hi), uint64(other.Hi), carry)
	return Decimal{Lo: lo, Hi: int64(hi)}
}

// Neg gives the negative number.
func (d Decimal) Neg() Decimal {
	lo, borrow := bits.Sub64(0, d.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(d.Hi), borrow)
	return Decimal{Lo: lo, Hi: int64(hi)}
}

// Cmp is negative, zero or positive, as d is less than, equal to or greater than other.
func (d Decimal) Cmp(other Decimal) int {
	switch {
	case d.Hi < other.Hi, d.Hi == other.Hi && d.Lo < other.Lo:
		return -1
	case d == other:
		return 0
	}
	return 1
}

// Digits says how many digits the number has, at most 39.
func (d Decimal) Digits() int {
	return len(d.digits())
}

// String gives the number without its point.
func (d Decimal) String() string {
	if d.Hi < 0 {
		return "-" + d.digits()
	}
	return d.digits()
}

func (d Decimal) digits() string {
	if d.Hi < 0 {
		d = d.Neg()
	}
	high, low := bits.Div64(uint64(d.Hi), d.Lo, 1e19) // the greatest power of ten in 64 bits
	if high == 0 {
		return strconv.FormatUint(low, 10)
	}
	tail := strconv.FormatUint(low, 10)
	tail = "0000000000000000000"[len(tail):] + tail
	return strconv.FormatUint(high, 10) + tail
}
