// The order of entries in a map: by the first column, then the next; ascending, nulls first, text and binary by bytes, floating-point
// numbers in total order.

/** Below 0: `a` comes first. */
export function compareRows(fields, a, b) {
  for (const { key, type } of fields) {
    const order = compare(type, a[key] ?? null, b[key] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compare(type, a, b) {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (type.item) return compareLists(a, b, (left, right) => compare(type.item, left, right));
  if (type.fields)
    return compareRows(
      Object.entries(type.fields).map(([key, field]) => ({ key, type: field })),
      a,
      b,
    );
  if (type.kind === 'binary') return compareLists(a, b, (left, right) => left - right);
  if (type.kind === 'utf8') return compareTexts(a, b);
  if (type.kind === 'float32' || type.kind === 'float64') return compareFloats(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareLists(a, b, compareItems) {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareItems(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** By code points, which is the order of UTF-8; halves of surrogate pairs come after all others but stand for still higher ones. */
function compareTexts(a, b) {
  let at = 0;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === a.length || at === b.length) return a.length - b.length;
  const high = (unit) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
  return high(a.charCodeAt(at)) - high(b.charCodeAt(at));
}

/** Negative NaN, -Infinity, ..., -0, 0, ..., Infinity, NaN. JavaScript has one NaN, the positive one. */
function compareFloats(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0);
  if (a === 0 && b === 0) return (Object.is(a, -0) ? 0 : 1) - (Object.is(b, -0) ? 0 : 1);
  return a < b ? -1 : a > b ? 1 : 0;
}
