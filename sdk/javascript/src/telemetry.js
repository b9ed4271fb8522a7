// Log lines and metrics on their way out of an operator: in a component to the host, in Node to lists that tests read.

/** What Node keeps: lines as `[level, text]`, metrics as `[kind, name, value]`. */
export const kept = { lines: [], metrics: [] };

let host = {
  log: { log: (level, text) => kept.lines.push([level, text]) },
  metrics: {
    count: (name, by) => kept.metrics.push(['count', name, by]),
    gauge: (name, value) => kept.metrics.push(['gauge', name, value]),
    observe: (name, value) => kept.metrics.push(['observe', name, value]),
  },
};

/** In a component: the host's functions. */
export function useHost(functions) {
  host = functions;
}

const line =
  (level) =>
  (...parts) =>
    host.log.log(
      level,
      parts
        .map((part) => (typeof part === 'string' ? part : part instanceof Error ? `${part.name}: ${part.message}` : json(part)))
        .join(' '),
    );
const json = (value) => {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? String(value);
  } catch {
    return String(value);
  }
};

/** Lines for the operator's log. The host limits their rate and size. */
export const log = { trace: line('trace'), debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };

/** Figures of the operator's own. */
export const metrics = {
  count(name, by = 1) {
    if (!Number.isSafeInteger(by) || by < 0) throw new RangeError(`a counter is increased by ${by}; it is increased by a whole number`);
    host.metrics.count(name, by);
  },
  gauge: (name, value) => host.metrics.gauge(name, value),
  observe: (name, value) => host.metrics.observe(name, value),
};
