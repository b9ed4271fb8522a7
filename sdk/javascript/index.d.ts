// Types of the SDK. What an operator reads and emits is inferred from the schema that its author writes.

/** Names of the types of columns that have no parameters. */
interface Leaves {
  bool: boolean;
  int8: number;
  uint8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  /** Exact to 2^53: a value beyond refuses its row. */
  int64: number;
  uint64: number;
  /** int64 and uint64 as bigints. */
  bigint64: bigint;
  biguint64: bigint;
  float32: number;
  float64: number;
  utf8: string;
  binary: Uint8Array;
  /** Days since 1970-01-01. */
  date32: number;
  /** Any integer or float as a number; integers beyond 2^53 are rounded. Written as float64. */
  number: number;
  /** No column, but the row's event time: microseconds since the epoch. */
  'event-time': number;
  'big-event-time': bigint;
  /** No column, but the kind of the row. */
  'row-kind': RowKind;
}

export type RowKind = 'insert' | 'update-before' | 'update-after' | 'delete';
type Unit = 's' | 'ms' | 'us';
type Parameterized =
  | 'timestamp'
  | 'bigtimestamp'
  | `timestamp(${Unit | 'ns'})`
  | `bigtimestamp(${Unit | 'ns'})`
  | `decimal128(${number}, ${number})`
  | `decimal128(${number},${number})`;
type Name = keyof Leaves | Parameterized;

/** A type as an author writes it: a name (`'int64'`, with `?` at its end if it may be null), `[item]` for a list, an object for a struct. */
export type Spec =
  | Name
  | `${Name}?`
  | `list<${string}>`
  | `list<${string}>?`
  | `struct<${string}>`
  | `struct<${string}>?`
  | readonly [Spec]
  | { readonly [field: string]: Spec }
  | Optional<Spec>;
export interface Optional<S> {
  readonly optional: S;
}
/** The same type with nulls: for lists and structs, `optional(['utf8'])`. */
export function optional<const S extends Spec>(spec: S): Optional<S>;

type OfName<N> = N extends keyof Leaves
  ? Leaves[N]
  : N extends 'timestamp(ns)' | `bigtimestamp${string}`
    ? bigint
    : N extends `timestamp${string}`
      ? number
      : N extends `decimal128(${string}`
        ? bigint
        : N extends `list<${infer Item}>`
          ? Value<Item>[]
          : N extends `struct<${string}>`
            ? Record<string, unknown>
            : never;

/** The value of a type. */
export type Value<S> = Name extends S
  ? any
  : S extends Optional<infer Inner>
    ? Value<Inner> | null
    : S extends `${infer N}?`
      ? OfName<N> | null
      : S extends string
        ? OfName<S>
        : S extends readonly [infer Item]
          ? Value<Item>[]
          : S extends object
            ? { -readonly [K in keyof S]: Value<S[K]> }
            : never;

/** A value to write: what may be null may be left out, and int64 may be a bigint. */
type Written<S> = Name extends S
  ? any // Not a type, but all of them: while others are inferred.
  : S extends Optional<infer Inner>
    ? Written<Inner> | null
    : S extends `${infer N}?`
      ? WrittenName<N> | null
      : S extends string
        ? WrittenName<S>
        : S extends readonly [infer Item]
          ? readonly Written<Item>[]
          : S extends object
            ? WrittenRow<S>
            : never;
type WrittenName<N> = N extends
  'int64' | 'uint64' | 'bigint64' | 'biguint64' | 'event-time' | 'big-event-time' | `timestamp${string}` | `bigtimestamp${string}`
  ? number | bigint
  : OfName<N>;
type MayBeLeftOut<S> = { [K in keyof S]: S[K] extends Optional<unknown> | `${string}?` ? K : never }[keyof S];
type WrittenRow<S> = { [K in Exclude<keyof S, MayBeLeftOut<S>>]: Written<S[K]> } & { [K in MayBeLeftOut<S>]?: Written<S[K]> };

/** A field that is read from a column of another name; the configuration may say which. */
export interface Column<S> {
  readonly column: S;
}
export function column<const S extends Spec>(name: string | ((config: any) => string), type: S): Column<S>;

type Reads = { readonly [field: string]: Spec | Column<Spec> };
type Row<R> = { readonly [K in keyof R]: R[K] extends Column<infer S> ? Value<S> : Value<R[K]> };

/** A column that the host carries over. */
export interface Keep {
  readonly keep: true;
  (from: string): Keep;
}
/** In `emits`: the column is carried over by the host. `keep` is it under its own name, `cents: keep('price')` under a new one. */
export const keep: Keep;
export interface KeepAll {
  readonly '*': KeptAll;
}
interface KeptAll {
  readonly all: true;
}
/** In `emits`, spread first: all columns of the input. A column of the same name replaces one of them in its place. */
export const keepAll: KeepAll;
/** As `keepAll`, without some columns. */
export function keepAllBut(...names: string[]): KeepAll;

type Emits = { readonly [column: string]: Spec | Keep | KeptAll };
type Leave<S> = S extends Keep | KeptAll ? never : S;
type ComputedKey<E> = { [K in keyof E]: [Leave<E[K]>] extends [never] ? never : K }[keyof E];
type LeftOut<E> = { [K in keyof E]: E[K] extends Optional<unknown> | `${string}?` ? K : never }[keyof E];
type Needed<E> = Exclude<ComputedKey<E>, LeftOut<E>>;
/** A row as it is emitted: the computed columns. */
export type Emitted<E> = { [K in Needed<E>]: Written<E[K]> } & { [K in LeftOut<E>]?: Written<E[K]> };
type Given<E> = [Needed<E>] extends [never] ? [row?: Emitted<E>] : [row: Emitted<E>];
type Result<E> = Emitted<E> | Iterable<Emitted<E>> | ([Needed<E>] extends [never] ? boolean : false) | null | undefined | void;
type Sides = { readonly [output: string]: Emits };

/** Emits rows: `emit(row)` to the main output, `emit.NAME(row)` to a side output. */
export type Emit<E, S> = ((...row: Given<E>) => void) & { main(...row: Given<E>): void } & {
  [K in keyof S]: (...row: Given<S[K]>) => void;
};

export interface OneOf<T> {
  readonly choices: readonly T[];
}
/** In `config`: one of some texts. */
export function oneOf<const T extends string>(...choices: T[]): OneOf<T>;
export interface MapOf<S> {
  readonly value: S;
}
/** In `config`: keys that the pipeline file chooses, with values of a type. */
export function mapOf<const S extends Spec>(value: S): MapOf<S>;
type ConfigType = Spec | OneOf<string> | MapOf<Spec>;
/** A key of the configuration. `priceMin` is `price-min` in the pipeline file. */
export type ConfigField = ConfigType | { readonly type: ConfigType; readonly default?: unknown; readonly doc?: string };
type ConfigSpec = { readonly [key: string]: ConfigField };
type OfConfigType<T> = T extends OneOf<infer C> ? C : T extends MapOf<infer S> ? ReadonlyMap<string, Value<S>> : Value<T>;
export type Config<C> = { readonly [K in keyof C]: C[K] extends { readonly type: infer T } ? OfConfigType<T> : OfConfigType<C[K]> };

export interface Context<C, E, S> {
  /** The configuration. */
  readonly config: Config<C>;
  readonly emit: Emit<E, S>;
  /** The name of the input that the row came in by; null for a timer. */
  readonly input: string | null;
}

interface Declared<C, E, S> {
  /** A short name for people. */
  title?: string;
  /** The keys of the configuration. */
  config?: C;
  /** Throws what is wrong with a configuration, beyond the types of its keys. */
  validate?(config: Config<C>): void;
  /** The columns of the main output, in their order. */
  emits: E;
  /** Side outputs by name. */
  sides?: S;
}

export interface Operator {
  readonly world: 'transform' | 'keyed' | 'aggregate';
  about(): { title: string | null; configSchema: string };
}

type Step<R, X, E> = (row: Row<R>, ctx: X) => Result<NoInfer<E>>;
type Steps<I, X, E> = { [K in keyof I]: Step<I[K], X, E> };

export interface Transform {
  /**
   * A filter, map or flat-map of the rows of one input: return a row, several (also by `yield`), `true` for a row without computed columns,
   * or nothing. `row` is one object for all rows of a call: copy from it what you keep. An error refuses its row alone.
   */
  <const R extends Reads, const E extends Emits, const C extends ConfigSpec = {}, const S extends Sides = {}>(
    declared: Declared<C, E, S> & { reads: R },
    step: Step<R, Context<C, E, S>, E>,
  ): Operator;
  /** The same of several inputs, by their names in the pipeline. */
  <const I extends { readonly [input: string]: Reads }, const E extends Emits, const C extends ConfigSpec = {}, const S extends Sides = {}>(
    declared: Declared<C, E, S> & { inputs: I },
    steps: Steps<I, Context<C, E, S>, E>,
  ): Operator;
  /** The same on columns: for speed. */
  columns<const R extends Reads, const E extends Emits, const C extends ConfigSpec = {}, const S extends Sides = {}>(
    declared: Declared<C, E, S> & { reads: R },
    step: (columns: { readonly [K in keyof R]: ColumnView<R[K] extends Column<infer T> ? T : R[K]> }, ctx: ColumnContext<C, E, S>) => void,
  ): Operator;
}
export const transform: Transform;

/** A column of a call. */
export interface ColumnView<S> {
  readonly length: number;
  readonly hasNulls: boolean;
  /** A value; null where there is none. */
  get(row: number): Value<S> | null;
  isNull(row: number): boolean;
  /** The values as the host has them: a typed array for numbers (of int64 a BigInt64Array), else an array. What stands where a value is null is not defined. */
  readonly values: ArrayLike<any>;
  /** The halves of int64 values and timestamps, two entries per row each: `low[2 * i]` and `high[2 * i + 1]`. */
  readonly words: { low: Uint32Array; high: Int32Array } | null;
}
type ColumnsOf<E> = { [K in ComputedKey<E>]?: ArrayLike<any> };
export interface ColumnContext<C, E, S> {
  readonly config: Config<C>;
  readonly input: string;
  /** How many rows the call has. */
  readonly rows: number;
  /** Emits rows: an array or typed array per computed column, and the input rows that they come from (by default every row, in order). */
  emit(columns: ColumnsOf<E>, from?: ArrayLike<number>): void;
  emitTo<K extends keyof S & string>(output: K, columns: ColumnsOf<S[K]>, from?: ArrayLike<number>): void;
  /** Refuses a row, whatever was or will be emitted for it. */
  refuse(row: number, reason: string | Error): void;
  /** Whether a row is refused so far: by `refuse`, or because it holds a null or was given a value where there is no place for that. */
  refused(row: number): boolean;
}

type Stored = { readonly [field: string]: Spec };
type StateOf<T> = { -readonly [K in keyof T]: Value<T[K]> };
type MapsSpec = { readonly [map: string]: { readonly key: Stored; readonly value?: Stored } };

/** The entries of the row's key in a map, with what the rows before did. */
export interface Entries<K, V> {
  /** A copy of an entry's value. */
  get(key: WrittenRow<K>): StateOf<V> | undefined;
  has(key: WrittenRow<K>): boolean;
  set(key: WrittenRow<K>, value?: WrittenRow<V>): void;
  delete(key: WrittenRow<K>): void;
  /** The first entries of a range in the order of their keys: from `from` (with it) or `after`, up to `to` (with it) or `before`. */
  scan(range?: {
    from?: WrittenRow<K>;
    after?: WrittenRow<K>;
    to?: WrittenRow<K>;
    before?: WrittenRow<K>;
    limit?: number;
  }): [StateOf<K>, StateOf<V>][];
}
export interface Timers {
  /** Calls `onTimer` once the watermark has reached `time` (microseconds). */
  register(time: number | bigint): void;
  delete(time: number | bigint): void;
  /** Calls `onTimer` once the wall clock has reached `time`; at once, if it is past. At the end of the input it is not called. */
  registerProcessingTime(time: number | bigint): void;
  deleteProcessingTime(time: number | bigint): void;
}
export interface Timer {
  readonly time: number;
  readonly domain: 'event-time' | 'processing-time';
}
export interface KeyContext<C, E, S, K, T, M> extends Context<C, E, S> {
  /** The key columns that the operator declares. */
  readonly key: Row<K>;
  /** The state of the key; null: it has none. Change it or set another; it goes back to the host if it has changed. Null removes it. */
  state: StateOf<T> | null;
  readonly maps: {
    readonly [N in keyof M]: M[N] extends { readonly key: infer Key }
      ? Entries<Key, M[N] extends { readonly value: infer V } ? V : {}>
      : never;
  };
  readonly timers: Timers;
  /** Microseconds; null before the first watermark. */
  readonly watermark: number | null;
  /** The wall clock, as the engine sees it: microseconds. */
  readonly processingTime: number;
}
export interface OldStates<T> {
  readonly keys: number;
  /** One entry per key (null: no state), columns matched by name; an optional field that the other version did not have is null. */
  read(): (StateOf<T> | null)[];
  /** The same, as the other version declared its state. */
  read<const O extends Stored>(state: O): (StateOf<O> | null)[];
  /** As `read()`, but every column must be there, optional ones too; without `migrate`, this is done. */
  readWhole(): (StateOf<T> | null)[];
}
interface KeyedDeclared<K, T, M> {
  /** The key columns that the operator looks at. */
  key?: K;
  /** What is kept per key. */
  state?: T;
  /** Raised when the fields of the state change their meaning; 1 if it is left out. */
  version?: number;
  /** State per key that is read entry by entry. A map whose columns change needs another name. */
  maps?: M;
}
interface KeyedMore<C, X, E, T> {
  onTimer?(timer: Timer, ctx: X): Result<NoInfer<E>>;
  /** States of another version, one entry per key. By default they are matched by name, and all columns must be there. */
  migrate?(fromVersion: number, states: OldStates<T>, config: Config<C>): Iterable<StateOf<T> | null | undefined>;
}
export interface KeyedFunction {
  /** State, maps and timers per key. An error refuses its row alone; nothing that it did counts. */
  <
    const R extends Reads,
    const E extends Emits,
    const C extends ConfigSpec = {},
    const S extends Sides = {},
    const K extends Reads = {},
    const T extends Stored = {},
    const M extends MapsSpec = {},
  >(
    declared: Declared<C, E, S> & KeyedDeclared<K, T, M> & { reads: R },
    steps: KeyedMore<C, KeyContext<C, E, S, K, T, M>, E, T> & {
      process: Step<R, KeyContext<C, E, S, K, T, M>, E>;
      /** Names the entries that `process` will look at, so that the host is asked once for a whole batch. */
      prefetch?(
        row: Row<R>,
        ctx: {
          readonly config: Config<C>;
          readonly key: Row<K>;
          readonly entries: { readonly [N in keyof M]: (key: WrittenRow<M[N]['key']>) => void };
        },
      ): void;
    },
  ): Operator;
  <
    const I extends { readonly [input: string]: Reads },
    const E extends Emits,
    const C extends ConfigSpec = {},
    const S extends Sides = {},
    const K extends Reads = {},
    const T extends Stored = {},
    const M extends MapsSpec = {},
  >(
    declared: Declared<C, E, S> & KeyedDeclared<K, T, M> & { inputs: I },
    steps: KeyedMore<C, KeyContext<C, E, S, K, T, M>, E, T> & { process: Steps<I, KeyContext<C, E, S, K, T, M>, E> },
  ): Operator;
}
export const keyed: KeyedFunction;

/**
 * An aggregate for windows. `merge` must be associative and commutative, and give what accumulating all rows at once would give. A new
 * accumulator has zero, empty, false, or null where that may be.
 */
export function aggregate<const R extends Reads, const A extends Stored, const E extends Stored, const C extends ConfigSpec = {}>(
  declared: { title?: string; config?: C; validate?(config: Config<C>): void; reads: R; accumulator: A; version?: number; emits: E },
  steps: {
    /** Adds a row: changes the accumulator, or returns another. */
    accumulate(accumulator: StateOf<A>, row: Row<R>, ctx: { readonly config: Config<C> }): StateOf<A> | void;
    merge(accumulator: StateOf<A>, other: StateOf<A>, ctx: { readonly config: Config<C> }): StateOf<A> | void;
    finish(accumulator: StateOf<A>, ctx: { readonly config: Config<C> }): WrittenRow<E>;
  },
): Operator;

/** Throw it to refuse a row: its message alone is the reason. Any other error does too, with its place. */
export class RowError extends Error {}

/** Lines for the operator's log. */
export const log: { [level in 'trace' | 'debug' | 'info' | 'warn' | 'error']: (...parts: unknown[]) => void };
/** Figures of the operator's own. */
export const metrics: {
  count(name: string, by?: number): void;
  gauge(name: string, value: number): void;
  observe(name: string, value: number): void;
};
