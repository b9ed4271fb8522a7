// The types of columns, as an author writes them (`'int64?'`, `['utf8']`, `{ x: 'float64' }`), and as the contract does (`l`, `+l`, `+s`).
// It never looks at a value.

/** Leaf types: format of the contract, and bytes of a value (0: of various lengths). */
const LEAVES = {
  bool: ['b', 0],
  int8: ['c', 1],
  uint8: ['C', 1],
  int16: ['s', 2],
  uint16: ['S', 2],
  int32: ['i', 4],
  uint32: ['I', 4],
  int64: ['l', 8],
  uint64: ['L', 8],
  bigint64: ['l', 8],
  biguint64: ['L', 8],
  float32: ['f', 4],
  float64: ['g', 8],
  utf8: ['u', 0],
  binary: ['z', 0],
  date32: ['tdD', 4],
  number: ['g', 8],
  'event-time': ['tsu:UTC', 8],
  'big-event-time': ['tsu:UTC', 8],
  'row-kind': ['C', 1],
};
const UNITS = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };
const UNIT_NAMES = { s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' };
const NAMES = Object.fromEntries(
  Object.entries(LEAVES)
    .map(([name, [format]]) => [format, name])
    .reverse(),
);

/** A type. `kind` is its name without parameters. */
export class Type {
  constructor(kind, format, more = {}) {
    Object.assign(this, { kind, format, optional: false, big: false, bytes: 0, item: null, fields: null }, more);
  }

  /** What a person calls it. */
  get name() {
    const own = this.kind === 'number' ? 'any integer or float' : typeName(tree(this.schema(''))[0]);
    return own + (this.optional ? '?' : '');
  }

  /** The columns that can be read as it: what `weir inspect` understands, too. */
  get readable() {
    if (this.kind === 'number') return 'any integer or float';
    if (this.kind !== 'timestamp') return typeName(tree(this.schema(''))[0]);
    return `a timestamp of ${UNIT_NAMES[this.unit]} or coarser`;
  }

  /** Its schema under a name, nodes in pre-order. */
  schema(name) {
    const children = this.item ? [['item', this.item]] : this.fields ? Object.entries(this.fields) : [];
    const own = { name, format: this.format, nullable: this.optional, children: children.length };
    return [own, ...children.flatMap(([child, type]) => type.schema(child))];
  }
}

/** The same type with nulls: what `?` at the end of a name says. */
export function optional(spec) {
  return new Type(...optionalOf(parseType(spec)));
}

const optionalOf = (type) => [type.kind, type.format, { ...type, optional: true }];

/**
 * The type that an author wrote.
 * @throws if it is none; the message says what was written
 */
export function parseType(spec, where = 'a type') {
  if (spec instanceof Type) return spec;
  if (Array.isArray(spec) && spec.length === 1) {
    return new Type('list', '+l', { item: parseType(spec[0], `${where}: the items`) });
  }
  if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) {
    const fields = Object.entries(spec).map(([name, type]) => [name, parseType(type, `${where}: ${name}`)]);
    if (fields.length === 0) throw new TypeError(`${where}: a struct has at least one field`);
    return new Type('struct', '+s', { fields: Object.fromEntries(fields) });
  }
  if (typeof spec !== 'string')
    throw new TypeError(`${where}: ${shown(spec)} is no type; one is written as 'int64', 'utf8?', ['utf8'] or { x: 'float64' }`);
  const parser = { text: spec, at: 0, where };
  const type = parseText(parser);
  if (parser.at < spec.length) fail(parser);
  return type;
}

function fail({ text, where }) {
  throw new TypeError(
    `${where}: ${JSON.stringify(text)} is no type; there are ${Object.keys(LEAVES).join(', ')}, timestamp(UNIT), bigtimestamp(UNIT), decimal128(P, S), list<T> and struct<NAME: T>, each with \`?\` at its end if it may be null`,
  );
}

function take(parser, pattern) {
  pattern.lastIndex = parser.at;
  const found = pattern.exec(parser.text);
  if (found) parser.at = pattern.lastIndex;
  return found;
}

function parseText(parser) {
  const name = take(parser, /\s*([a-z][a-z0-9-]*)/y)?.[1] ?? fail(parser);
  let type;
  if (name === 'list') {
    take(parser, /\s*</y) ?? fail(parser);
    type = new Type('list', '+l', { item: parseText(parser) });
    take(parser, /\s*>/y) ?? fail(parser);
  } else if (name === 'struct') {
    const fields = {};
    take(parser, /\s*</y) ?? fail(parser);
    do {
      const field = take(parser, /\s*([^:<>,\s]+)\s*:/y) ?? fail(parser);
      fields[field[1]] = parseText(parser);
    } while (take(parser, /\s*,/y));
    take(parser, /\s*>/y) ?? fail(parser);
    type = new Type('struct', '+s', { fields });
  } else if (name === 'timestamp' || name === 'bigtimestamp') {
    const given = take(parser, /\s*\(\s*(s|ms|us|ns)\s*(?:,\s*UTC\s*)?\)/y);
    if (!given && parser.text[parser.at] === '(') fail(parser);
    const unit = given?.[1] ?? 'us';
    type = new Type('timestamp', `ts${unit[0]}:UTC`, { unit, bytes: 8, big: name === 'bigtimestamp' || unit === 'ns' });
  } else if (name === 'decimal128') {
    const [, precision, scale] = take(parser, /\s*\(\s*(\d{1,2})\s*,\s*(-?\d{1,2})\s*\)/y) ?? fail(parser);
    if (precision < 1 || precision > 38 || Math.abs(scale) > 38 || +scale > +precision) fail(parser);
    type = new Type('decimal128', `d:${+precision},${+scale}`, { precision: +precision, bytes: 16, big: true });
  } else {
    const [format, bytes] = LEAVES[name] ?? fail(parser);
    const big = name.startsWith('big');
    type = new Type(big ? { bigint64: 'int64', biguint64: 'uint64', 'big-event-time': 'event-time' }[name] : name, format, { bytes, big });
  }
  if (take(parser, /\s*\?/y)) type = new Type(...optionalOf(type));
  return type;
}

/** The trees of a schema: one per column, `{ name, format, nullable, children, nodes }`; `nodes` counts itself and what is below. */
export function tree(schema) {
  let at = 0;
  const next = () => {
    const { name, format, nullable, children: count } = schema[at++];
    const children = Array.from({ length: count }, next);
    return { name, format, nullable, children, nodes: 1 + children.reduce((sum, child) => sum + child.nodes, 0) };
  };
  const columns = [];
  while (at < schema.length) columns.push(next());
  return columns;
}

/** The type of a column (a tree) as a person writes it. */
export function typeName({ format, children }) {
  if (format === '+l') return `list<${typeName(children[0])}>`;
  if (format === '+s') return `struct<${children.map((child) => `${child.name}: ${typeName(child)}`).join(', ')}>`;
  if (format.startsWith('d:')) return `decimal128(${format.slice(2).replace(',', ', ')})`;
  const time = /^ts([smun]):(.*)$/.exec(format);
  if (time) return `timestamp(${time[1] === 's' ? 's' : `${time[1]}s`}${time[2] && `, ${time[2]}`})`;
  return NAMES[format] ?? JSON.stringify(format);
}

/** Whether a column (a tree) can be read as a type. */
export function accepts(type, column) {
  const { kind, format } = type;
  if (kind === 'number') return /^[cCsSiIlLfg]$/.test(column.format);
  if (kind === 'timestamp') return column.format.startsWith('ts') && factor(type, column) >= 1;
  if (kind === 'decimal128') return column.format === format || column.format === `${format},128`;
  if (kind === 'list') return column.format === format && accepts(type.item, column.children[0]);
  if (kind !== 'struct') return column.format === format;
  return (
    column.format === format &&
    Object.entries(type.fields).every(([name, field]) => {
      const child = column.children.find((child) => child.name === name);
      return child ? accepts(field, child) : field.optional;
    })
  );
}

/** How many units of a timestamp type are one of a column: 1 if they are the same, below 1 if the column is finer. */
export function factor(type, column) {
  const unit = column.format[2];
  return UNITS[type.unit] / UNITS[unit === 's' ? 's' : `${unit}s`];
}

/** Throws if an object of an author has a key that means nothing: it may be misspelt. */
export function checkKeys(given, known, where) {
  for (const key of Object.keys(given ?? {})) {
    if (known.includes(key)) continue;
    const near = known.find((name) => isNear(name, key));
    throw new TypeError(`${where} has no ${JSON.stringify(key)}; ${near ? `did you mean ${JSON.stringify(near)}?` : `there are ${known.join(', ')}`}`);
  }
}

/** Whether two names differ by one or two letters next to one another. */
function isNear(a, b) {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start++;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return shorter > 2 && Math.max(a.length, b.length) - start - end <= 2;
}

/** A value as messages show it. */
export function shown(value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'no keys'}`;
  return String(value);
}
