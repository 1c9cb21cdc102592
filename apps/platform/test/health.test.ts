import { type Clock, systemKernel } from '@relearn/kernel';
import { silentTelemetry } from '@relearn/telemetry';
import { beforeEach, describe, expect, test } from 'vitest';
import { Health } from '../src/health.js';
import { Standing } from '../src/standing.js';

let now: number;
let sleeps: number[];
let refreshes: number;
let answer: () => Promise<void>;
let health: Health;

beforeEach(() => {
  now = 0;
  sleeps = [];
  refreshes = 0;
  answer = async () => undefined;
  // Time passes where the test says so; who sleeps sleeps until all else is done.
  const sleep = (ms: number) => {
    sleeps.push(ms);
    return systemKernel.clock.breathe();
  };
  const clock: Clock = { ...systemKernel.clock, now: () => now, sleep };
  const telemetry = silentTelemetry();
  health = new Health(telemetry, new Standing(systemKernel, telemetry.log), clock);
  health.refresh = () => {
    refreshes += 1;
    return answer();
  };
});

/** Scrapes at that time, and lets what goes on behind its back end. */
async function scrapeAt(time: number): Promise<void> {
  now = time;
  expect((await health.metrics('')).body).toContain('relearn_');
  await systemKernel.clock.breathe();
}

describe('gauges that take a look at the engines', () => {
  test('given a scrape a second ago, when the next comes, then they are read anew and it does not wait', async () => {
    await scrapeAt(0);
    expect([refreshes, sleeps]).toEqual([1, [1_000]]);
    await scrapeAt(999);
    expect(refreshes).toBe(1);
    await scrapeAt(1_000);
    await scrapeAt(2_000);
    expect([refreshes, sleeps]).toEqual([3, [1_000]]);
  });

  test('given none for long, when a scrape comes, then it waits for them', async () => {
    await scrapeAt(0);
    let done = false;
    answer = async () => {
      await Promise.resolve();
      done = true;
    };
    now = 5_000;
    await health.metrics('');
    expect([refreshes, done]).toEqual([2, true]);
  });

  test('given an engine that does not answer, when scrapes come, then each waits for its patience alone and one look is under way', async () => {
    answer = () => new Promise(() => undefined);
    await scrapeAt(0);
    await scrapeAt(15_000);
    expect([refreshes, sleeps]).toEqual([1, [1_000, 1_000]]);
  });

  test('given an engine that fails, when the next scrape comes, then it is asked again', async () => {
    answer = () => Promise.reject(new Error('away'));
    await scrapeAt(0);
    await scrapeAt(15_000);
    expect(refreshes).toBe(2);
  });
});
