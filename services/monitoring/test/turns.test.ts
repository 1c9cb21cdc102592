import { type Event, pipelineEnded, retrainRequested } from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { evolve } from '../src/domain/evolve.js';
import { unknownTriggers } from '../src/domain/trigger-state.js';

function event(type: string, data: object): Event {
  const time = '2024-01-01T00:00:00.000Z';
  return {
    id: 'x',
    source: 'x',
    type,
    sequence: 1,
    previous: null,
    time,
    pipeline: 'p',
    pipelineversion: 1,
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
