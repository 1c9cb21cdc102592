import {
  type Event,
  modelPromoted,
  performanceReported,
  pipelineEnded,
  retrainRequested,
  windowProfiled,
} from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { evolve } from '../src/domain/evolve.js';
import { fits } from '../src/domain/fits.js';
import { unknownTriggers } from '../src/domain/trigger-state.js';

function event(type: string, data: object, version = 1): Event {
  const time = '2024-01-01T00:00:00.000Z';
  return {
    id: 'x',
    source: 'x',
    type,
    sequence: 1,
    previous: null,
    time,
    pipeline: 'p',
    pipelineversion: version,
    data,
  };
}

const requested = event(retrainRequested.type, { reason: 'drift' });
const ended = (turn: string | null, outcome: string) => event(pipelineEnded.type, { turn, outcome });

describe('after a request', () => {
  const asked = evolve(unknownTriggers, requested);

  test('none follows until its turn has ended', () => {
    expect(asked.turnRunning).toBe(true);
    expect(evolve(asked, ended('p-1', 'no-model')).turnRunning).toBe(false);
  });

  test('that was refused, because data quality fails, others may follow', () => {
    expect(evolve(asked, ended(null, 'failed')).turnRunning).toBe(false);
  });

  test('that was superseded by a running turn, the end of that turn is waited for', () => {
    expect(evolve(asked, ended(null, 'superseded')).turnRunning).toBe(true);
  });
});

describe('the order of windows and control events', () => {
  const place = { model: 2, reference: 'r', frozen: null };
  const champion = evolve({ ...unknownTriggers, version: 1 }, event(modelPromoted.type, place));

  test('is told by the model that a report is on', () => {
    expect(fits(champion, event(performanceReported.type, { model: 2 }))).toBe(true);
    expect(fits(champion, event(performanceReported.type, { model: 1 }))).toBe(false);
  });

  test('is told by the version that a window is of', () => {
    expect(fits(champion, event(windowProfiled.type, {}, 1))).toBe(true);
    expect(fits(champion, event(windowProfiled.type, {}, 2))).toBe(false);
  });

  test('is told by a request, which waits for the end of the turn before it', () => {
    expect(fits(champion, requested)).toBe(true);
    expect(fits({ ...champion, turnRunning: true }, requested)).toBe(false);
  });
});
