// Code that is made for the columns of one operator, once per `describe`: an interpreter spends its time on steps, and code without
// a loop over fields has a third of them. Names of columns are in it only as JSON.

import { fastPut, misfit, refuseValue } from './builder.js';
import { missing, rowReader, ValueError, wide, wideUnsigned } from './column.js';
import { shown } from './types.js';

// A name of the engine's own is found more slowly than one of these.
const { asIntN, asUintN } = BigInt;
const HELP = { ValueError, wide, wideUnsigned, missing, misfit, refuseValue, shown, asIntN, asUintN };

/** A function of some source that sees {@link HELP} and `given`. */
export function compiled(source, given = {}) {
  const scope = { ...HELP, ...given };
  return new Function(...Object.keys(scope), `'use strict';\n${source}`)(...Object.values(scope));
}

const lines = (list, text) => list.map(text).join('\n');
const binding = (fields) =>
  lines(fields, ({ column, type }, k) =>
    column === null && type.kind !== 'event-time' && type.kind !== 'row-kind'
      ? ''
      : `({ a: a${k}, b: b${k}, c: c${k}, n: n${k} } = columns[${k}]);`,
  );

/** What reads rows of some columns: `bind(columns)`, then `row(i)`. */
export function rowFunction(fields) {
  const { values, variables } = rowReader(fields);
  return compiled(`
    var h${variables && `, ${variables}`};
    return { bind(columns) { ${binding(fields)} }, row(i) { return { ${lines(values, ({ key, read }) => `${key}: ${read},`)} }; } };
  `);
}

/**
 * The loops over the rows of a call, one per input, and the writers of the outputs, in one piece so that they share variables:
 * `runs[input](columns, rows, skip)` calls the input's `step(row, context)` for each row that is not to be skipped, and
 * `refuse(i, error)` where it throws; `writers` are those of the outputs. `shape` is that of the states, if there are any: `states` reads and
 * changes that of the row's key. `reuses`: there is one row object for all rows.
 */
export function operatorCode(inputs, outputs, { steps, context, refuse, shape, reuses }) {
  return compiled(
    `
    var i = 0;
    var rows = 0;
    var oncePerRow = true;
    ${lines(outputs, writer)}
    ${shape ? STATES : ''}
    function several(result) {
      if (result === false) return;
      if (result === true) return slow0({});
      if (typeof result !== 'object') throw new ValueError('the operator returned ' + shown(result) + '; it returns a row, rows, a boolean or nothing');
      if (typeof result.then === 'function') throw new ValueError('the operator returned a promise; it is not asynchronous');
      if (result[Symbol.iterator] === undefined) return slow0(result);
      oncePerRow = false;
      for (const row of result) put0(row);
    }
    return {
      writers: [${outputs.map((_, p) => `writer${p}`).join(', ')}],
      begin() { oncePerRow = true; },
      goesByRows(no) { if (no) oncePerRow = false; return oncePerRow; },
      ${shape ? 'states,' : ''}
      runs: [${inputs.map((fields, q) => loop(fields, `steps[${q}]`, outputs[0], { keyed: shape !== undefined, reuses })).join(',\n')}],
    };
  `,
    { steps, context, refuse, shape, builders: outputs.map(({ builders }) => builders) },
  );
}

/**
 * The state of the row's key: what it was before the row is kept when the row first looks at it, and it is checked after the row.
 */
const STATES = `
    var touched = -1, slot, before, slots, load, keyOfRow;
    var copy = shape.copy, check = shape.check, sealed = shape.sealed;
    function touch() {
      if (touched === i) return slot;
      var key = keyOfRow[i];
      slot = slots[key];
      if (slot === undefined) slot = load(key);
      before = slot.now === null ? null : copy(slot.now);
      touched = i;
      return slot;
    }
    function leave() {
      if (slot.now === null) return;
      check(slot.now);
      if (shape.rounds) slot.now = sealed(copy(slot.now));
    }
    var states = {
      begin(given, keys) { slots = given.slots; load = (key) => given.get(key); keyOfRow = keys; touched = -1; },
      slot: touch,
      get row() { return i; },
      set row(row) { i = row; },
      get key() { return keyOfRow[i]; },
      set(state) { touch().now = sealed(state ?? null); },
      undo() { if (touched === i) slot.now = before === null ? null : Object.preventExtensions(before); },
    };`;

function loop(fields, step, main, { keyed, reuses }) {
  const { values, variables } = rowReader(fields);
  const each = (skips) => `
    for (i = 0; i < rows; i++) {
      try {
        for (; i < rows; i++) {
          ${skips ? 'if (skip[i] === 1) continue;' : ''}
          ${reuses ? lines(values, ({ key, read }) => `row[${key}] = ${read};`) : `row = { ${lines(values, ({ key, read }) => `${key}: ${read},`)} };`}
          result = step(row, context);
          if (result != null) { ${main ? put(main, 0, 'result', '{ var given = result; result = undefined; several(given); }') : ''} result = undefined; }
          ${keyed ? 'if (touched === i) leave();' : ''}
        }
      } catch (error) {
        ${
          main
            ? `if (result != null) {
          // Not the author's function failed, but the way that takes only what is common.
          var given = result;
          result = undefined;
          try { several(given); ${keyed ? 'if (touched === i) leave();' : ''} continue; } catch (reason) { error = reason; }
        }`
            : ''
        }
        refuse(i, error);
      }
    }`;
  return `function run(columns, count, skip) {
    rows = count;
    i = 0;
    ${main ? 'reserve0();' : ''}
    var x, result = undefined, step = ${step};
    ${main ? variablesOf(main, 0) : ''}
    var h${variables && `, ${variables}`};
    ${binding(fields)}
    var row${reuses ? ` = { ${lines(values, ({ key }) => `${key}: undefined,`)} }` : ''};
    if (skip === null) { ${each(false)} } else { ${each(true)} }
  }`;
}

/** Statements that put row `o` into output `p`, or do `otherwise`. */
function put({ fields }, p, o, otherwise) {
  const parts = fields.map(({ key, type }, k) => {
    const id = `${p}_${k}`;
    const fast = fastPut(type, `v${id}`, `count${p}`, `a${id}`, `b${id}`);
    return { id, key: JSON.stringify(key), fast, optional: type.optional };
  });
  // The slow way knows the names of what was left out. What is put value by value is checked last, for that costs most.
  const fits = [
    ...parts
      .filter(({ fast }) => fast !== null)
      .map(({ id, fast, optional }) => (optional ? `(v${id} === null || ${fast.fits})` : fast.fits)),
    ...parts.filter(({ fast }) => fast === null).map(({ id }) => `v${id} !== undefined && misfit(w${id}.type, v${id}) === null`),
  ];
  if (parts.length === 0) fits.push(`${o} === true`);
  return `
    ${lines(parts, ({ id, key }) => `v${id} = ${o}[${key}];`)}
    if (${fits.join(' && ')}) {
      ${lines(parts, ({ id, fast, optional }) =>
        fast === null
          ? `w${id}.at = count${p}; w${id}.put(v${id}); d${id} = w${id}.valid;`
          : !optional
            ? fast.write
            : `if (v${id} === null) { w${id}.nullAt(count${p}); d${id} = w${id}.valid; } else { ${fast.write} if (d${id} !== null) d${id}[count${p}] = 1; }`,
      )}
      sources${p}[count${p}++] = i;
    } else ${otherwise};`;
}

const variablesOf = ({ fields }, p) => (fields.length > 0 ? `var ${fields.map((_, k) => `v${p}_${k}`).join(', ')};` : '');

const halves = ({ type }) => fastPut(type, '', '', '', '')?.halves === true;

/** The writer of output `p`; its fast path is {@link put}. */
function writer(output, p) {
  const { fields } = output;
  const each = (text) =>
    lines(fields, ({ key, type }, k) => text(`${p}_${k}`, JSON.stringify(key), fastPut(type, '', '', '', '') !== null, k));
  return `
    var count${p} = 0, capacity${p} = 1024, sources${p} = new Uint32Array(capacity${p});
    ${each((id, _, __, k) => `var w${id} = builders[${p}][${k}]; var a${id} = w${id}.a, b${id} = w${id}.b, d${id} = w${id}.valid;`)}
    function grow${p}() {
      capacity${p} *= 2;
      var grown = new Uint32Array(capacity${p});
      grown.set(sources${p});
      sources${p} = grown;
      ${each((id, _, fast) => (fast ? `w${id}.grow(); a${id} = w${id}.a; b${id} = w${id}.b; d${id} = w${id}.valid;` : ''))}
    }
    // Room for one row, and one for each row that is still to come.
    function reserve${p}() { while (count${p} + rows - i >= capacity${p}) grow${p}(); }
    function put${p}(o) {
      var x;
      ${variablesOf(output, p)}
      reserve${p}();
      try { ${put(output, p, 'o', `return slow${p}(o)`)} } catch (error) { slow${p}(o); }
    }
    function slow${p}(o) {
      if (typeof o !== 'object' || o === null) throw new ValueError(shown(o) + ' was emitted; a row is an object');
      ${each((id, key) => `const v${id} = o[${key}]; if (misfit(w${id}.type, v${id}) !== null) refuseValue(${key}, w${id}.type, v${id}); if (v${id} === undefined) known${p}(o);`)}
      reserve${p}();
      ${each((id) => `w${id}.at = count${p}; w${id}.put(v${id}); d${id} = w${id}.valid;`)}
      sources${p}[count${p}++] = i;
    }
    // A column that was left out may have been misspelt.
    function known${p}(o) {
      for (const key in o) if (!names${p}.has(key)) throw new ValueError(JSON.stringify(key) + ' is no column of the output; it has ' + [...names${p}].join(', '));
    }
    var names${p} = new Set(${JSON.stringify(fields.map(({ key }) => key))});
    var writer${p} = {
      // There is no loop over rows here, so there is room to be made for this row alone.
      put(o, source) { i = rows = source; put${p}(o); },
      append(columns, rows, count) {
        while (count${p} + count > capacity${p}) grow${p}();
        ${each((id, key) => `(b${id} ?? a${id}).set(columns[${key}], count${p}); if (d${id} !== null) d${id}.fill(1, count${p}, count${p} + count);`)}
        sources${p}.set(rows, count${p});
        count${p} += count;
      },
      emit: (o = {}) => { oncePerRow = false; put${p}(o); },
      known: known${p},
      total() { return count${p}; },
      sources() { return sources${p}; },
      // Forgets rows; their upper halves become zero again, as the next that are put there want them.
      cut(count) {
        ${each((id, _, fast, k) => (halves(fields[k]) ? `a${id}.fill(0, count + count, count${p} + count${p});` : ''))}
        count${p} = count;
      },
      truncate(count) {
        writer${p}.cut(count);
        ${each((id, _, fast) => (fast ? '' : `w${id}.truncate(count);`))}
      },
      seal() { ${each((id) => `w${id}.at = count${p};`)} },
      reset() {
        writer${p}.truncate(0);
        ${each((id) => `w${id}.truncate(0); w${id}.valid = d${id} = null;`)}
      },
    };`;
}
