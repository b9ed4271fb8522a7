// Source maps: from the bundle to the author's files, in the form that a component carries.

const DIGITS = new Map([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].map((digit, value) => [digit, value]));

/**
 * The places of a bundle, of its source map: `{ files, at: [line, column, file, line of the file, ...] }`, all from 1. `nameOf` gives the
 * name of a source for people, or null: it is not the author's, which is file -1.
 */
export function placesOf(map, nameOf) {
  const files = [];
  const indices = map.sources.map((source) => {
    const name = nameOf(source);
    return name === null ? -1 : files.push(name) - 1;
  });
  const at = [];
  let [source, line] = [0, 0];
  map.mappings.split(';').forEach((segments, generated) => {
    let column = 0;
    let last = null;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const [byColumn, bySource = 0, byLine = 0] = numbers(segment);
      column += byColumn;
      source += bySource;
      line += byLine;
      const place = `${indices[source]} ${line}`;
      if (place !== last && !(last === null && indices[source] < 0 && at.at(-2) === -1))
        at.push(generated + 1, column + 1, indices[source], line + 1);
      last = place;
    }
  });
  return { files, at };
}

function numbers(segment) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.get(digit);
    value += (bits & 31) << shift;
    if (bits & 32) shift += 5;
    else {
      found.push(value & 1 ? -(value >>> 1) : value >>> 1);
      [value, shift] = [0, 0];
    }
  }
  return found;
}
