import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AuditReport } from '@relearn/audit';
import { seededChance } from '@relearn/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writePipeline } from './pipeline.js';

const kills = 25;
/** A process that neither ends nor dies by then hangs. */
const longestMs = 90_000;
const folds = ['validation', 'feature', 'serving', 'monitoring'];
const foldPoints = ['before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'];
const deciders = ['feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];
const deciderPoints = ['before-write', 'after-write', 'before-outbox', 'after-outbox'];
const workers = ['feature', 'training', 'evaluation', 'serving'];

/** What the log holds in the end, read through the sequence rule. */
interface Result {
  readonly valid: string[];
  readonly quarantined: string[];
  readonly predictions: string[];
  readonly ends: unknown[];
  readonly models: string[][];
  readonly promotions: number[];
  readonly doubles: string[];
  readonly audit: AuditReport;
}

interface Run {
  readonly acknowledged: Set<string>;
  /** The failpoint at which it died. */
  readonly killed: string | null;
  readonly result: Result | null;
}

const chance = seededChance(7);
let room: string;
let file: string;
let running: ChildProcess | undefined;

beforeAll(async () => {
  room = await mkdtemp(join(tmpdir(), 'relearn-chaos-'));
  file = await writePipeline(join(room, 'pipeline'));
});
afterAll(async () => {
  if (running?.exitCode === null && running.signalCode === null) {
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
  await rm(room, { recursive: true, force: true });
});

/** One process, until it has done all or dies at one of the failpoints. */
async function runLoop(folder: string, armed: readonly string[]): Promise<Run> {
  const script = fileURLToPath(new URL('./loop.mjs', import.meta.url));
  const env = { ...process.env, RELEARN_FAILPOINT: armed.join() };
  const child = spawn(process.execPath, [script, folder, file], { stdio: ['ignore', 'pipe', 'inherit'], env });
  running = child;
  const run = { acknowledged: new Set<string>(), killed: null as string | null, result: null as Result | null };
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const kind = line.slice(0, line.indexOf(' '));
      const value = line.slice(kind.length + 1);
      if (kind === 'acknowledged') for (const record of JSON.parse(value) as string[]) run.acknowledged.add(record);
      else if (kind === 'killed') run.killed = JSON.parse(value) as string;
      else run.result = JSON.parse(value) as Result;
    }
  })();
  const timer = setTimeout(() => child.kill('SIGTERM'), longestMs);
  await Promise.all([once(child, 'exit'), reading]);
  clearTimeout(timer);
  expect(child.signalCode ?? child.exitCode).toBe(run.killed === null ? 0 : 'SIGKILL');
  return run;
}

/**
 * Failpoints in force at a time: two of the folds, hit all the time, each after some more of its work, so that kills are
 * spread over the whole run; and those of the deciders that have not killed yet, hit a few times a turn.
 */
class Arsenal {
  /** One service after the other, each with another point. */
  private readonly folds = foldPoints.flatMap((_, round) =>
    folds.map((service, index) => `${service}:${foldPoints[(round + index) % foldPoints.length]}`),
  );
  private readonly deciders = [
    ...deciders.flatMap((service) => deciderPoints.map((point) => `${service}:${point}`)),
    ...workers.map((service) => `${service}:after-job`),
  ];

  get armed(): string[] {
    const often = this.folds.slice(0, 2).map((point) => `${point}:kill@${4 + Math.floor(chance.next() * 8)}`);
    const seldom = this.deciders.map((point) => `${point}:kill@${1 + Math.floor(chance.next() * 3)}`);
    return [...often, ...seldom];
  }

  spent(point: string): void {
    for (const points of [this.folds, this.deciders]) {
      const at = points.indexOf(point);
      if (at >= 0) points.splice(at, 1);
    }
  }
}

const sorted = (texts: Iterable<string>) => [...texts].sort();
const byCandidate = (models: readonly string[][]) => sorted(models.map((model) => model.join()));
/** Clock markers carry nothing and are written again after a crash. */
const data = (records: readonly string[]) => sorted(records.filter((record) => !record.startsWith('$clock/')));

test(`${kills} kill -9 at named failpoints lose nothing, double nothing and change no decision`, async () => {
  const clean = await runLoop(join(room, 'clean'), []);
  const arsenal = new Arsenal();
  const acknowledged = new Set<string>();
  const killedAt: string[] = [];
  let result: Result | null = null;
  while (result === null) {
    const run = await runLoop(join(room, 'killed'), killedAt.length < kills ? arsenal.armed : []);
    for (const record of run.acknowledged) acknowledged.add(record);
    if (run.killed !== null) {
      killedAt.push(run.killed);
      arsenal.spent(run.killed);
    }
    result = run.result;
  }
  expect(killedAt).toHaveLength(kills);
  expect(new Set(killedAt.map((point) => point.split(':')[0]))).toEqual(new Set([...folds, ...deciders]));
  expect(new Set(killedAt.map((point) => point.split(':')[1])).size).toBeGreaterThanOrEqual(7);

  expect(result.audit.violations).toEqual([]);
  expect(result.doubles).toEqual([]);
  const valid = data(result.valid);
  const quarantined = new Set(data(result.quarantined));
  expect(new Set(valid).size).toBe(valid.length);
  expect(sorted([...valid, ...quarantined])).toEqual(sorted(acknowledged));

  const expected = clean.result;
  expect(expected?.audit.violations).toEqual([]);
  expect(expected?.promotions.length).toBeGreaterThanOrEqual(2);
  expect(valid).toEqual(data(expected?.valid ?? []));
  expect(sorted(result.predictions)).toEqual(sorted(expected?.predictions ?? []));
  expect(result.ends).toEqual(expected?.ends);
  expect(byCandidate(result.models)).toEqual(byCandidate(expected?.models ?? []));
  expect(result.promotions).toEqual(expected?.promotions);
}, 600_000);
