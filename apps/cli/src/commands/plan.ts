import { resolve } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import type { Plan } from '@relearn/platform';
import type { Action } from '../command.js';
import { loadPlatform } from '../platform.js';
import { Progress, styler, table } from '../terminal.js';
import { count, figure } from '../words.js';

export interface PlanOptions {
  rate?: string;
  p99?: string;
  seconds: string;
}

/** Measures an ONNX file on this machine, and says how many instances a rate of requests with a latency needs. */
export async function plan(action: Action, [file = '']: readonly string[], options: PlanOptions): Promise<void> {
  const { terminal, print } = action;
  const [rate, p99Ms] = [positive('--rate', options.rate), positive('--p99', options.p99)];
  if ((rate === undefined) !== (p99Ms === undefined)) {
    throw new RelearnError('INVALID_INPUT', '--rate and --p99 belong together', {
      remedy: 'Give both, such as --rate 2000 --p99 20, or neither.',
    });
  }
  const { planModel } = await loadPlatform();
  const progress = new Progress(terminal);
  let steps = 0;
  try {
    const made = await planModel({
      file: resolve(terminal.folder, file),
      target: rate === undefined || p99Ms === undefined ? null : { rate, p99Ms },
      levelMs: 1000 * (positive('--seconds', options.seconds) ?? 3),
      onStep: (step) => progress.show(steps++ / 4, step),
    });
    progress.clear();
    print(made, told(action, made, rate, p99Ms));
  } finally {
    progress.clear();
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RelearnError('INVALID_INPUT', `${name} ${text} is no number above 0`, {
    remedy: `Give ${name} as a number.`,
  });
}

function told({ terminal }: Action, made: Plan, rate: number | undefined, p99Ms: number | undefined): string {
  const style = styler(terminal.out, terminal.env);
  const { machine, model, residentMiB, levels, runs, sizing } = made;
  const lines = [
    `${count(model.bytes)} bytes, loaded in ${figure(model.loadMs)} ms; the serving process took ${count(Math.round(residentMiB))} MiB`,
    `${machine.cores} cores, ${machine.processor}; the client ran on them, too`,
    '',
    table(
      ['in flight', '>requests/s', '>p50 ms', '>p99 ms', '>CPU µs a request'],
      levels.map(({ inFlight, requestsPerSecond, p50Ms, p99Ms: slow, cpuUs }) => [
        String(inFlight),
        count(Math.round(requestsPerSecond)),
        figure(p50Ms),
        figure(slow),
        count(Math.round(cpuUs)),
      ]),
      style,
    ),
    '',
    table(
      ['threads', '>rows', '>median ms', '>p99 ms', '>rows/s'],
      runs.map(({ threads, rows, medianMs, p99Ms: slow, rowsPerSecond }) => [
        String(threads),
        count(rows),
        figure(medianMs),
        figure(slow),
        count(Math.round(rowsPerSecond)),
      ]),
      style,
    ),
  ];
  if (sizing === null) return lines.join('\n');
  const { instances, perInstance, level } = sizing;
  const answer =
    instances === null
      ? `none: the quickest level had a p99 of ${figure(level.p99Ms)} ms, more than ${figure(p99Ms ?? 0)} ms`
      : `${instances} of ${machine.cores} cores and ${count(Math.round(residentMiB))} MiB, each for up to ${count(Math.floor(perInstance))} requests/s (70 % of what ${level.inFlight} in flight gave)`;
  return [...lines, '', `${style('bold', `instances for ${count(rate ?? 0)} requests/s`)}: ${answer}`].join('\n');
}
