import {
  type LoggedEvent,
  parsePipelineFile,
  pipelineApplied,
  retrainRequested,
  windowProfiled,
} from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { decide } from '../src/domain/decide.js';
import { evolve } from '../src/domain/evolve.js';
import { unknownTriggers } from '../src/domain/trigger-state.js';

const file = `name: orders
source: { rows: { time: at, id: [id] } }
schema: { columns: { id: string, at: timestamp, size: number, bought: { type: integer, known_at: label } } }
label: { column: bought, delay: 1h, max_delay: 4h }
features: [size]
train: { task: binary, minimum_rows: 20, candidates: [{ trainer: logistic }] }
`;
const { spec } = parsePipelineFile(file, 'orders.yaml', {
  trainers: { logistic: { tasks: ['binary'], parameters: {} } },
  metrics: { roc_auc: { tasks: ['binary'] } },
  driftMethods: { number: ['psi:binned'], category: ['psi:binned'] },
});

const time = '2024-01-02T00:00:00.000Z';
const place = { position: 7, partition: 0, source: 'x', sequence: 1, previous: null };

function event(type: string, topic: 'control' | 'monitoring', version: number, data: object): LoggedEvent {
  return { ...place, id: type, type, topic, time, pipeline: 'orders', pipelineversion: version, data };
}

const applied = (version: number) =>
  event(pipelineApplied.type, 'control', version, { spec, digest: 'd', shards: [0] });
const window = (version: number) =>
  event(windowProfiled.type, 'monitoring', version, {
    start: 0,
    end: 86_400_000,
    part: 'outcomes',
    shard: 0,
    rows: 30,
    predictions: 0,
    labelled: 0,
    models: [],
    labelledTotal: 25,
    read: 9,
  });

describe('given a window of a version that the control log has not told of yet', () => {
  test('when it is the first version, then the window waits, and is judged once the version is known', () => {
    expect(() => decide(unknownTriggers, window(1), 0, new Map())).toThrow('version 1 of orders is not known yet');
    const known = evolve(unknownTriggers, applied(1));
    const { events = [] } = decide(known, window(1), Date.parse(time), new Map());
    expect(events.map(({ type }) => type)).toEqual([retrainRequested]);
  });

  test('when it is a later version, then the window is not judged by the rules of the one before', () => {
    const known = evolve(unknownTriggers, applied(1));
    expect(() => decide(known, window(2), 0, new Map())).toThrow('version 2 of orders is not known yet');
    expect(() => decide(evolve(known, applied(2)), window(1), 0, new Map())).not.toThrow();
  });
});
