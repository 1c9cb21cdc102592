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

const requested = (request: string) => event(retrainRequested.type, { request, reason: 'drift' });
const ended = (request: string, turn: string | null, outcome: string) =>
  event(pipelineEnded.type, { turn, request, outcome });

describe('given a request', () => {
  const asked = evolve(unknownTriggers, requested('r1'));

  test('none follows until its turn has ended', () => {
    expect(asked.open).toEqual(['r1']);
    expect(evolve(asked, ended('r1', 'p-1', 'no-model')).open).toEqual([]);
  });

  test('when it is refused, because data quality fails, others may follow', () => {
    expect(evolve(asked, ended('r1', null, 'failed')).open).toEqual([]);
  });
});

describe('given a second request, by hand, while the turn of the first runs', () => {
  const both = [requested('r1'), requested('r2')].reduce(evolve, unknownTriggers);

  test('when the first turn ends because the second came, then the second is waited for', () => {
    const superseded = evolve(both, ended('r1', 'p-1', 'superseded'));
    expect(superseded.open).toEqual(['r2']);
    expect(evolve(superseded, ended('r2', 'p-2', 'promoted')).open).toEqual([]);
  });

  test('when the second ends at once because the first runs, then the first is waited for', () => {
    expect(evolve(both, ended('r2', null, 'superseded')).open).toEqual(['r1']);
  });
});
