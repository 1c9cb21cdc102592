import { seededChance } from '@relearn/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { atRest } from '../e2e/modes.js';
import { get, post } from '../e2e/wire.js';
import { eventually, temporaryFolder } from '../e2e/world.js';
import { applyPipeline, pipelineName } from './live-pipeline.js';
import { Producer } from './producer.js';
import { type EmbeddedStage, embeddedStage } from './stage.js';
import { verdictOf } from './verdict.js';

const patience = { timeoutMs: 300_000, everyMs: 100 };
const testMs = 600_000;
const chance = seededChance(3);
let folder: { path: string; remove: () => Promise<void> };
let stage: EmbeddedStage;
let producer: Producer | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
  stage = await embeddedStage(folder.path, chance);
}, testMs);
afterEach(async () => {
  producer?.giveUp();
  await stage.end();
  await folder.remove();
}, testMs);

test(
  'on a full disk records are refused with the reason, and all goes on when there is room',
  async ({ skip }) => {
    const { disk, url, victims } = stage;
    if (disk === null) return skip('this user may not mount a file system of a known size');
    await applyPipeline(url);
    const careful = new Producer(url, chance);
    producer = careful;
    careful.start();
    const acknowledged = () => careful.rows.size + careful.labels.size;
    await eventually('rows and labels', () => acknowledged() >= 60, patience);

    await disk.fill();
    const row = { id: 'one-more', at: new Date().toISOString(), x: 0.5, y: 0.5, kind: 'red' };
    const refusal = await eventually(
      'a refusal',
      async () => {
        const answer = await post(`${url}/v1/events/${pipelineName}`, row);
        return answer.status !== 202 && answer;
      },
      patience,
    );
    expect(refusal.status).toBe(503);
    expect(refusal.headers.get('retry-after')).not.toBeNull();
    expect(refusal.body).toMatchObject({
      error: { code: 'STORAGE_FAILED', message: expect.stringContaining('disk is full'), remedy: expect.any(String) },
    });
    const refused = careful.repeated;
    await eventually('more refusals', () => careful.repeated > refused + 10, patience);

    await disk.free();
    const before = acknowledged();
    await eventually('more rows and labels', () => acknowledged() >= before + 60, patience);
    await careful.stop();
    await atRest(stage, patience);
    expect(victims[0]?.gone()).toBeUndefined();
    expect((await get(`${url}/api/v1/audit`)).body).toMatchObject({ violations: [] });
    await stage.stop();
    const opened = await stage.open();
    try {
      const { lost, doubled, controlTwice, unbalanced } = await verdictOf(opened.ports, careful, Date.now());
      expect({ lost, doubled, controlTwice, unbalanced }).toEqual({
        lost: [],
        doubled: [],
        controlTwice: [],
        unbalanced: [],
      });
    } finally {
      await opened.close();
    }
  },
  testMs,
);
