// Makes the lines of a departure board: one for each flight that left so many minutes late.

import { keep, transform } from 'weir-sdk';

export default transform({
  title: 'Lines of a departure board',
  config: { leastMinutes: 'int64' },
  reads: { airline: 'utf8', flight: 'int64', dest: 'utf8', dep_delay: 'int64' },
  // Two columns as they are, and the text.
  emits: { departed: keep, origin: keep, line: 'utf8' },
}, ({ airline, flight, dest, dep_delay }, { config }) => {
  if (dep_delay < config.leastMinutes) return;
  return { line: `${airline} ${flight} to ${dest}: ${spoken(dep_delay)} late` };
});

/** `134` minutes are `2 h 14 min`. */
function spoken(minutes: number): string {
  const hours = Math.trunc(minutes / 60);
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
