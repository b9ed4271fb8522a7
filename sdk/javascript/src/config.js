// The configuration of an operator: what keys there are and of which types, the check of what a pipeline gives, and the JSON Schema
// that tools show. It takes no key that is not declared.

import { ValueError } from './column.js';
import { misfit } from './builder.js';
import { checkKeys, parseType, shown } from './types.js';

/** A choice of texts. */
export class OneOf {
  constructor(choices) {
    this.choices = choices;
  }
}

/** Keys that the author of a pipeline chooses, and values of one type. */
export class MapOf {
  constructor(value) {
    this.value = value;
  }
}

const kebab = (key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const LISTED = new Set([
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'list',
  'struct',
]);

/** The declared keys: `[{ key, written, type | choices, isMap, doc, fallback, hasFallback }]`. Of a map, `type` is that of its values. */
export function configFields(declared = {}) {
  return Object.entries(declared).map(([key, given]) => {
    const more =
      typeof given === 'object' && given !== null && !Array.isArray(given) && 'type' in given && given.constructor === Object
        ? given
        : { type: given };
    const where = `the configuration: ${key}`;
    const choices = more.type instanceof OneOf ? more.type.choices : null;
    const isMap = more.type instanceof MapOf;
    const type = choices ? null : parseType(isMap ? more.type.value : more.type, where);
    if (type && !LISTED.has(type.kind)) throw new TypeError(`${where}: a configuration has no ${type.name}`);
    if (more === given) checkKeys(more, ['type', 'default', 'doc'], where);
    const fallback = more.default;
    if (fallback !== undefined) {
      const why = isMap ? null : choices ? (choices.includes(fallback) ? null : 'none of its choices') : misfit(type, fallback);
      if (why !== null) throw new TypeError(`${where}: its default is ${why}`);
      if (isMap) mapFrom(kebab(key), type, fallback);
    }
    return { key, written: kebab(key), type, choices, isMap, doc: more.doc, fallback, hasFallback: 'default' in more };
  });
}

/**
 * The configuration of a pipeline's JSON.
 * @throws if it does not fit; the message names the key
 */
export function parseConfig(fields, text) {
  let given;
  try {
    given = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new ValueError(`config: ${error.message}`);
  }
  return checkConfig(fields, given ?? {});
}

/** As {@link parseConfig}, of an object with the keys of the pipeline or of the author. */
export function checkConfig(fields, given) {
  if (typeof given !== 'object' || Array.isArray(given))
    throw new ValueError(`config: it is ${shown(given)}, but it has keys: ${keysOf(fields)}`);
  for (const key in given) {
    if (!fields.some((field) => field.written === key || field.key === key))
      throw new ValueError(`config: unknown field \`${key}\`, ${expected(fields)}`);
  }
  const config = {};
  for (const { key, written, type, choices, isMap, fallback, hasFallback } of fields) {
    const value = written in given ? given[written] : given[key];
    if (isMap) config[key] = mapFrom(written, type, value === undefined && hasFallback ? fallback : value);
    else if (value === undefined && hasFallback) config[key] = fallback;
    else if (choices) {
      if (!choices.includes(value))
        throw new ValueError(
          `config: ${written} is ${value === undefined ? 'missing' : shown(value)}, but it is one of ${choices.join(', ')}`,
        );
      config[key] = value;
    } else {
      const why = misfit(type, value);
      if (why !== null) throw new ValueError(`config: ${written} is ${why}`);
      config[key] = value ?? null;
    }
  }
  return Object.freeze(config);
}

function mapFrom(written, type, value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ValueError(`config: ${written} is ${value === undefined ? 'missing' : shown(value)}, but it is keys with values`);
  for (const [name, item] of Object.entries(value)) {
    const why = misfit(type, item);
    if (why !== null) throw new ValueError(`config: ${written}.${name} is ${why}`);
  }
  return new Map(Object.entries(value));
}

const keysOf = (fields) => fields.map(({ written }) => written).join(', ') || 'no keys';

/** In the words in which hosts look for a key that is close to the wrong one. */
function expected(fields) {
  const keys = fields.map(({ written }) => `\`${written}\``);
  return keys.length === 0 ? 'there are no fields' : `expected ${keys.length > 1 ? 'one of ' : ''}${keys.join(', ')}`;
}

/** The JSON Schema of a configuration. */
export function configSchema(fields) {
  const properties = {};
  for (const { written, type, choices, isMap, doc, fallback, hasFallback } of fields) {
    const schema = choices ? { enum: choices } : jsonSchema(type);
    properties[written] = {
      ...(isMap ? { type: 'object', additionalProperties: schema } : schema),
      ...(doc && { description: doc }),
      ...(hasFallback && { default: fallback }),
    };
  }
  const required = fields.filter(({ type, isMap, hasFallback }) => !hasFallback && (isMap || !type?.optional)).map(({ written }) => written);
  return { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false };
}

const WHOLE = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  int64: [],
  uint64: [0],
};

function jsonSchema(type) {
  const { kind } = type;
  const own = (name) => (type.optional ? [name, 'null'] : name);
  if (kind === 'bool') return { type: own('boolean') };
  if (kind === 'utf8') return { type: own('string') };
  if (kind === 'list') return { type: own('array'), items: jsonSchema(type.item) };
  if (kind === 'struct') {
    const required = Object.keys(type.fields).filter((key) => !type.fields[key].optional);
    const properties = Object.fromEntries(Object.entries(type.fields).map(([key, field]) => [key, jsonSchema(field)]));
    return { type: own('object'), properties, ...(required.length > 0 && { required }), additionalProperties: false };
  }
  if (!WHOLE[kind]) return { type: own('number') };
  const [minimum, maximum] = WHOLE[kind];
  return { type: own('integer'), ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) };
}
