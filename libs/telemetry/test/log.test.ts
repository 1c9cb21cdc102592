import { describe, expect, test } from 'vitest';
import { RelearnError } from '@relearn/kernel';
import { createLog, type LogOptions, traceparentOf } from '@relearn/telemetry';

function logInto(lines: string[], options: Partial<LogOptions> = {}) {
  return createLog({ level: 'info', stream: { write: (line: string) => lines.push(line) }, ...options });
}

describe('the log', () => {
  test('given a child by service, when it writes, then the line is JSON with level, time, service and fields', () => {
    const lines: string[] = [];
    logInto(lines).child({ service: 'registry' }).info({ version: 3 }, 'promoted');

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      service: 'registry',
      version: 3,
      msg: 'promoted',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  test('given a level, when a lower one is written, then nothing comes', () => {
    const lines: string[] = [];
    const log = logInto(lines, { level: 'warn' });
    log.info('not this');
    log.warn('this');
    expect(lines).toHaveLength(1);
  });

  test('given a span in force, when a line is written, then it carries the ids of the trace', () => {
    const lines: string[] = [];
    const traceparent = traceparentOf('turn-1');
    logInto(lines, { traceparent: () => traceparent }).info('within');
    const [, trace, span] = traceparent.split('-');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ trace_id: trace, span_id: span });
  });

  test('given an error of ours, when logged, then code, place, remedy and cause are told, without a stack', () => {
    const lines: string[] = [];
    const err = new RelearnError('INVALID_PIPELINE', 'unknown key', {
      place: { file: 'a.yaml', line: 3, column: 5 },
      cause: new Error('outer', { cause: new Error('inner') }),
    });
    logInto(lines).error({ err }, 'refused');

    const { err: told } = JSON.parse(lines[0] ?? '');
    expect(told).toMatchObject({ code: 'INVALID_PIPELINE', message: 'a.yaml:3:5: unknown key', cause: 'outer: inner' });
    expect(told.remedy).toContain('pipeline file');
    expect(told.stack).toBeUndefined();
  });

  test('given a defect, when logged, then its stack is told', () => {
    const lines: string[] = [];
    logInto(lines).error({ err: new TypeError('x is undefined') }, 'failed');
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
      code: 'INTERNAL',
      stack: expect.stringContaining('TypeError'),
    });
  });

  test('given pretty, when a line is written, then people can read it', () => {
    const lines: string[] = [];
    const log = logInto(lines, { pretty: true }).child({ service: 'serving' });
    log.warn({ model: '2', rows: 12, err: new RelearnError('UNAVAILABLE', 'no bundle') }, 'waiting');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d WARN {2}serving: waiting model=2 rows=12\n {4}UNAVAILABLE no bundle\n/);
  });
});
