import { setTimeout as sleep } from 'node:timers/promises';
import { callerAt, inferRequest, methods, untilReady } from '../caller.mjs';
import { digits, quantile, spread } from '../figures.mjs';
import { deep, modelFile } from '../models.mjs';
import { beside, serversOf } from '../servers.mjs';
import { atRate, inFlightFor } from './rate.mjs';

const rows = 16;
/** Runs have to weigh more than the calls: the callers are on the same cores, and what they take is none of the server's. */
const width = 1_024;
/** Within this the queue is full, or nothing is refused at all. */
const fillsWithinMs = 20_000;

/** Three times the requests that can be answered, by callers who wait as long as it takes, and by those who wait a second. */
export async function overload({ rounds, seconds, folder }) {
  const model = await modelFile(folder, 'deep', deep(12, width));
  const request = inferRequest('deep', [rows, 1], new Float32Array(rows));
  const [server] = await serversOf({ only: ['relearn'] });
  const told = { patient: [], hurried: [] };
  const peaks = [];
  await beside(server, model, async ({ address }) => {
    const caller = await callerAt(address);
    await untilReady(caller, 'deep');
    await peakOf(caller, request, 1);
    for (let round = 0; round < rounds; round++) {
      for (const [key, timeoutMs] of [
        ['patient', undefined],
        ['hurried', 1_000],
      ]) {
        const before = await peakOf(caller, request, seconds);
        const over = await beyond(caller, request, { perSecond: 3 * before, seconds: seconds * 2, timeoutMs });
        const peak = (before + (await peakOf(caller, request, seconds))) / 2;
        peaks.push(peak);
        told[key].push({ ...over, ratio: over.goodput / peak });
        process.stderr.write(`${round} ${key} ${JSON.stringify(told[key].at(-1))}\n`);
      }
    }
    caller.close();
  });
  const of = (key, field) => spread(told[key].map((one) => one[field]));
  const all = Object.keys(told).map((key) => [
    key,
    {
      ratio: of(key, 'ratio'),
      rejectMs: { p50: of(key, 'rejectP50'), p99: of(key, 'rejectP99') },
      rejected: of(key, 'rejected'),
      late: of(key, 'late'),
    },
  ]);
  return {
    wanted: 'goodput at least 0.95 of the peak, rejects within 2 ms',
    within: all.every(([, { ratio, rejectMs }]) => ratio.median >= 0.95 && (rejectMs.p50.median ?? 0) <= 2),
    peakRequestsPerSecond: spread(peaks),
    ...Object.fromEntries(all),
  };
}

/** Answers a second with enough under way. */
async function peakOf(caller, request, seconds) {
  let count = 0;
  const took = await inFlightFor(seconds, 64, async () => {
    const { status } = await caller.call(methods.infer, request);
    if (status === 0) count += 1;
  });
  return count / took;
}

/** Answers a second once the queue is full; what is refused, and how fast. */
async function beyond(caller, request, { perSecond, seconds, timeoutMs }) {
  let counting = false;
  let refused = 0;
  let good = 0;
  let late = 0;
  const rejects = [];
  const requests = atRate(perSecond, async () => {
    const { status, message = '', ms } = await caller.call(methods.infer, request, { timeoutMs });
    if (status !== 0) refused += 1;
    if (!counting) return;
    if (status === 0) good += 1;
    // Refused at once, or given up by this caller.
    else if (status === 4 && !message.startsWith('The queue is too long')) late += 1;
    else rejects.push(ms);
  });
  const filling = performance.now();
  while (refused < 100 && performance.now() - filling < fillsWithinMs) await sleep(100);
  counting = true;
  const began = performance.now();
  await sleep(seconds * 1_000);
  counting = false;
  const goodput = good / ((performance.now() - began) / 1_000);
  const rejected = rejects.length;
  await requests.end();
  return {
    goodput: digits(goodput),
    rejected,
    late,
    ...(rejected === 0
      ? { rejectP50: 0, rejectP99: 0 }
      : { rejectP50: quantile(rejects, 0.5), rejectP99: quantile(rejects, 0.99) }),
  };
}
