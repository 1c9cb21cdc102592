import type { DestinationStream } from 'pino';

const ownFields = new Set(['level', 'time', 'msg', 'service', 'err', 'trace_id', 'span_id']);

/** Turns JSON lines into lines for people: time, level, service, message, then the other fields. */
export function prettyStream(into: DestinationStream): DestinationStream {
  return { write: (line) => into.write(prettyLine(line)) };
}

function prettyLine(line: string): string {
  const fields: unknown = JSON.parse(line);
  if (!isFields(fields)) return line;
  const time = String(fields.time).slice(11, 19);
  const level = String(fields.level).toUpperCase().padEnd(5);
  const service = fields.service === undefined ? '' : `${String(fields.service)}: `;
  const rest = Object.entries(fields)
    .filter(([key]) => !ownFields.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time} ${level} ${service}${String(fields.msg ?? '')}${rest.join('')}${errorLines(fields.err)}\n`;
}

function errorLines(error: unknown): string {
  if (!isFields(error)) return '';
  const lines = [`${String(error.code)} ${String(error.message)}`, error.cause, error.remedy, error.stack];
  return lines
    .filter((line) => line !== undefined)
    .map((line) => `\n    ${String(line)}`)
    .join('');
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
