import type { DestinationStream } from 'pino';

const ownFields = new Set(['level', 'time', 'msg', 'service', 'err', 'trace_id', 'span_id']);

/** Turns JSON lines into lines for people: time, level, service, message, then the other fields. */
export function prettyStream(into: DestinationStream): DestinationStream {
  return { write: (line) => into.write(prettyLine(line)) };
}

function prettyLine(line: string): string {
  const fields: unknown = JSON.parse(line);
  if (!isFields(fields)) return line;
  const time = textOf(fields.time).slice(11, 19);
  const level = textOf(fields.level).toUpperCase().padEnd(5);
  const service = fields.service === undefined ? '' : `${textOf(fields.service)}: `;
  const rest = Object.entries(fields)
    .filter(([key]) => !ownFields.has(key))
    .map(([key, value]) => ` ${key}=${textOf(value)}`);
  return `${time} ${level} ${service}${textOf(fields.msg)}${rest.join('')}${errorLines(fields.err)}\n`;
}

function errorLines(error: unknown): string {
  if (!isFields(error)) return '';
  const lines = [`${textOf(error.code)} ${textOf(error.message)}`, error.cause, error.remedy, error.stack];
  return lines
    .filter((line) => line !== undefined)
    .map((line) => `\n    ${textOf(line)}`)
    .join('');
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
