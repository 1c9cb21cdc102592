// What is told of many measurements, and of a server's processes.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const digits = (value) => (value === undefined ? null : Number(value.toPrecision(4)));

/** How many, median, least and greatest. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: sorted.length,
    median: digits(((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2),
    least: digits(sorted[0]),
    greatest: digits(sorted.at(-1)),
  };
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Processes of the group that the process leads. */
async function groupOf(pid) {
  const { stdout } = await run('pgrep', ['-g', String(pid)]);
  return stdout.trim().split('\n').map(Number);
}

/** MiB in memory of all of them. */
export async function residentMiB(pid) {
  let kib = 0;
  for (const one of await groupOf(pid)) {
    const status = await readFile(`/proc/${one}/status`, 'utf8').catch(() => '');
    kib += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return kib / 1024;
}

/** Seconds of CPU of all of them so far. */
export async function cpuSeconds(pid) {
  let ticks = 0;
  for (const one of await groupOf(pid)) {
    const stat = await readFile(`/proc/${one}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / 100;
}
