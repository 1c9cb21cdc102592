const counts = new Intl.NumberFormat('en');

export function count(value: number): string {
  return counts.format(value);
}

/** A metric or statistic; a dash for none. */
export function figure(value: number | null): string {
  if (value === null) return '–';
  return Math.abs(value) >= 10 ? value.toPrecision(4) : value.toFixed(3);
}

/** Day and minute of a business time, UTC. */
export function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** `for 40 s`, `for 3 min`. */
export function ago(ms: number): string {
  if (ms < 90_000) return `for ${Math.max(0, Math.round(ms / 1_000))} s`;
  return ms < 5_400_000 ? `for ${Math.round(ms / 60_000)} min` : `for ${Math.round(ms / 3_600_000)} h`;
}
