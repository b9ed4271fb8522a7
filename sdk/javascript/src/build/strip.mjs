// Takes custom sections (names, producers) out of a component: a third of its size, and nobody runs them.

const CUSTOM = 0;
/** Sections of a component that hold modules and components. */
const NESTED = new Set([1, 4]);
const HEADER = 8;

/** The same component without custom sections, also in what it nests. */
export function stripped(component) {
  const isComponent = component[6] === 1;
  const parts = [component.subarray(0, HEADER)];
  for (let at = HEADER; at < component.length;) {
    const id = component[at];
    const [size, start] = number(component, at + 1);
    const end = start + size;
    if (isComponent && NESTED.has(id)) {
      const inner = stripped(component.subarray(start, end));
      parts.push(Buffer.from([id]), leb(inner.length), inner);
    } else if (id !== CUSTOM) parts.push(component.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function number(bytes, at) {
  let [value, shift] = [0, 0];
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
    shift += 7;
  }
}

function leb(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}
