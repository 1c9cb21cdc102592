/**
 * Prometheus' text as OpenMetrics wants it, without the end: no empty lines, and a counter's name without `_total`, which only
 * its values have. A counter whose name does not end so, such as Triton's, is of unknown type there: it keeps its name.
 * Source: OpenMetrics 1.0 (prometheus.io/docs/specs/om).
 */
export function openMetricsOf(text: string): string {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(lineOf)
    .join('\n');
}

function lineOf(line: string): string {
  const told = /^# (HELP|TYPE) (\S+)(.*)$/.exec(line);
  if (told === null) return line;
  const [, what = '', name = '', rest = ''] = told;
  const unknown = what === 'TYPE' && rest === ' counter' && !name.endsWith('_total');
  return `# ${what} ${name.replace(/_total$/, '')}${unknown ? ' unknown' : rest}`;
}
