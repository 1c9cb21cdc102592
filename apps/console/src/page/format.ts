const counts = new Intl.NumberFormat('en');
const dates = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const times = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

export function count(value: number): string {
  return counts.format(value);
}

/** A metric or statistic: three decimals, or four digits where it is large; a dash for none. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (size >= 1_000) return counts.format(Math.round(value));
  if (size >= 10) return value.toPrecision(4);
  return size > 0 && size < 0.001 ? value.toExponential(1) : value.toFixed(3);
}

/** With its sign, for differences. */
export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
}

export function date(ms: number): string {
  return dates.format(ms);
}

/** Day and minute, UTC. */
export function time(ms: number): string {
  return times.format(ms);
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

const units: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A span of time in its two largest units: `2 d 4 h`, `6.2 s`, `40 ms`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const first = units.findIndex(([, size]) => ms >= size);
  const [name, size] = units[first] ?? ['s', 1_000];
  const whole = Math.floor(ms / size);
  const [smaller, smallSize] = units[first + 1] ?? ['s', 1_000];
  const rest = Math.floor((ms - whole * size) / smallSize);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${smaller}`;
}

const errorMeasures: ReadonlySet<string> = new Set(['log_loss', 'brier', 'rmse', 'mse', 'mae', 'mape']);

export function lowerIsBetter(metric: string): boolean {
  return errorMeasures.has(metric);
}

const metricTitles: Readonly<Record<string, string>> = {
  roc_auc: 'ROC AUC',
  average_precision: 'average precision',
  log_loss: 'log loss',
  brier: 'Brier score',
  f1: 'F1',
  rmse: 'RMSE',
  mse: 'MSE',
  mae: 'MAE',
  mape: 'MAPE',
  r2: 'R²',
};

export function metricTitle(metric: string): string {
  return metricTitles[metric] ?? metric.replaceAll('_', ' ');
}
