import { systemClock } from '@relearn/kernel';
import { describe, expect, it } from 'vitest';
import { InlineRuns } from '../src/inference/worker/inline-runs.js';
import { pack, placesOf } from '../src/inference/worker/protocol.js';
import { RunCosts } from '../src/inference/worker/run-costs.js';
import { linearModel } from './models.js';
import { fp32 } from './serve.js';

function costsOf(rows: number, ...times: number[]): RunCosts {
  const costs = new RunCosts();
  for (const ms of times) costs.add(rows, ms);
  return costs;
}

describe('what a run is expected to take', () => {
  it('is not known from a few runs', () => {
    expect(costsOf(1, 1, 1, 1, 1, 1, 1, 1).expected(1)).toBeUndefined();
  });

  it('is the median of the last runs of about as many rows', () => {
    const costs = costsOf(48, 2, 2, 2, 900, 2, 3, 3, 3, 3);
    expect(costs.expected(33)).toBe(3);
    expect(costs.expected(64)).toBe(3);
    expect(costs.expected(65)).toBeUndefined();
    expect(costs.expected(32)).toBeUndefined();
  });

  it('follows a model that has become slower', () => {
    const times = [...Array.from({ length: 100 }, () => 1), ...Array.from({ length: 32 }, () => 5)];
    expect(costsOf(1, ...times).expected(1)).toBe(5);
  });
});

describe('a model', () => {
  const { onnx } = linearModel();

  function tried(ms: number, bytes = onnx, onTrouble = (_message: string): void => undefined): InlineRuns {
    const runs = new InlineRuns(1, onTrouble);
    runs.add(1, bytes);
    for (let run = 0; run < 8; run++) {
      runs.wayTook(0.2);
      runs.took(1, 1, ms);
    }
    return runs;
  }

  async function quick(): Promise<InlineRuns> {
    const runs = tried(0.1);
    while (runs.sessionFor(1, 1) === undefined) await systemClock.sleep(1);
    return runs;
  }

  it('that is quick is run here, with the answers that it gives elsewhere', async () => {
    const runs = await quick();
    const session = runs.sessionFor(1, 1);
    const inputs = pack([2, 5].map((value) => ({ shape: [1, 1], pieces: [fp32(value)] })));
    const { outputs } = (await session?.run(inputs, [0])) ?? {};
    if (outputs === undefined) throw new Error('nothing was run');
    const [place] = placesOf(outputs);
    expect(new Float32Array(outputs.buffer, place?.offset, 1)[0]).toBe(2 * 2 + 3 * 5);
    await runs.clear();
  });

  it('that is quick with few rows is not run here with many', async () => {
    const runs = await quick();
    expect(runs.sessionFor(1, 1)).toBeDefined();
    expect(runs.sessionFor(1, 200)).toBeUndefined();
    await runs.clear();
  });

  it('goes back to the threads when it takes longer than the way there, or than the bound', async () => {
    const runs = await quick();
    for (let run = 0; run < 32; run++) runs.took(1, 1, 0.3);
    expect(runs.sessionFor(1, 1)).toBeUndefined();
    for (let run = 0; run < 32; run++) runs.wayTook(0.4);
    expect(runs.sessionFor(1, 1)).toBeDefined();
    for (let run = 0; run < 32; run++) {
      runs.wayTook(5);
      runs.took(1, 1, 1.5);
    }
    expect(runs.sessionFor(1, 1)).toBeUndefined();
    await runs.clear();
  });

  it('that is slow, too large or gone is not run here', async () => {
    expect(tried(0.3).sessionFor(1, 1)).toBeUndefined();
    const gone = await quick();
    await gone.remove(1);
    expect(gone.sessionFor(1, 1)).toBeUndefined();
    expect(tried(0.1, new Uint8Array((1 << 20) + 1)).sessionFor(1, 1)).toBeUndefined();
  });

  it('that cannot be opened here goes on elsewhere, and somebody hears of it', async () => {
    const told: string[] = [];
    const runs = tried(0.1, new Uint8Array([1, 2, 3]), (message) => told.push(message));
    expect(runs.sessionFor(1, 1)).toBeUndefined();
    while (told.length === 0) await systemClock.sleep(1);
    expect(told).toEqual([expect.stringMatching(/^session 1 goes on in other threads only, .*: ./s)]);
    expect(runs.sessionFor(1, 1)).toBeUndefined();
  });
});
