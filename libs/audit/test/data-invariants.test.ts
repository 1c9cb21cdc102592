import {
  BatchBuilder,
  clockStream,
  dataQuarantined,
  dataReceived,
  dataValidated,
  featuresComputed,
  modelRolledBack,
  predictionLogged,
  type RowAddress,
  rowAddress,
} from '@relearn/contracts';
import { checkpointCollection, checkpointId } from '@relearn/runtime';
import { describe, expect, test } from 'vitest';
import { broken, start, Story } from './story.js';
import { applied, turn } from './turn.js';

const digests = 'every digest can be fetched';
const quarantine = 'no quarantined row in a snapshot';
const live = "a prediction's model was live";
const gaps = 'no event is missing';
const conserved = 'counts are conserved';
const readable = 'every event can be read';

function batch(ids: readonly string[], at?: readonly RowAddress[], stream = 'rows') {
  const builder = new BatchBuilder();
  for (const [index, id] of ids.entries()) builder.add(stream, id, start, {}, at?.[index]);
  return builder.build();
}

function quarantined(id: string, at: RowAddress) {
  return { at, id, stream: 'rows', time: start, reasons: [], values: {} };
}

/** Rows of a source in `data.valid` or `predictions`, numbered by the address of the last. */
const rows = { source: 'x/trips/0/rows' };

describe(digests, () => {
  test.each(['model.onnx', 'reference.json', 'segment', 'manifest', 'bundle'])('a lost %s is found', async (lost) => {
    const story = new Story();
    applied(story);
    const { bundle } = turn(story, { number: 1, rows: [{ id: 'a', at: 0 }] });
    await story.open();
    const json = async (digest: string) => JSON.parse(Buffer.from(await story.blobs.get(digest)).toString());
    const { files } = await json(bundle);
    const manifest = (await json(files['lineage.json'])).data.manifest;
    const [segment] = (await json(manifest)).shards[0].segments;
    await story.blobs.remove({ ...files, segment, manifest, bundle }[lost]);
    expect(broken(await story.violations())).toEqual([digests]);
  });
});

describe(quarantine, () => {
  async function snapshotOf(id: string, at: RowAddress) {
    const story = new Story();
    applied(story);
    story.emit('validation', dataQuarantined, { records: [quarantined('bad', rowAddress(0, 1))] });
    story.emit('validation', dataValidated, batch(['good'], [rowAddress(0, 0)]));
    story.emit('validation', dataValidated, batch(['bad', 'fine'], [rowAddress(1, 0), rowAddress(1, 1)]));
    turn(story, {
      number: 1,
      rows: [
        { id: 'good', at: rowAddress(0, 0) },
        { id, at },
      ],
    });
    return story.violations();
  }

  test('a quarantined row in a snapshot is found', async () => {
    expect(await snapshotOf('bad', rowAddress(0, 1))).toMatchObject([
      { invariant: quarantine, message: expect.stringContaining('bad') },
    ]);
  });

  test('a row that was quarantined first and came again correctly may be there', async () => {
    expect(await snapshotOf('bad', rowAddress(1, 0))).toEqual([]);
  });

  test('a row that has not been read yet cannot be judged', async () => {
    expect(await snapshotOf('bad', rowAddress(7, 0))).toEqual([]);
  });
});

describe(live, () => {
  /** A shard's stream predictions by champion model, each with its frozen arm, behind promotions of 1, 2 and back to 1. */
  async function predictions(models: readonly number[], frozen = 1, kind: 'stream' | 'request' = 'stream') {
    const story = new Story();
    applied(story);
    const first = turn(story, { number: 1 });
    const one = { model: 1, bundle: first.bundle };
    const second = turn(story, { number: 2, champion: one, frozen: one });
    const evidence = { kind: 'promotion' as const, event: first.promotion?.id ?? '' };
    const from = { model: 2, bundle: second.bundle };
    story.emit('registry', modelRolledBack, {
      ...one,
      reference: first.reference,
      from,
      frozen: one,
      evidence,
      reason: '',
    });
    for (const model of models) {
      const champion = { arm: 'champion' as const, model, outputs: {} };
      const arms = kind === 'request' ? [champion] : [champion, { arm: 'frozen' as const, model: frozen, outputs: {} }];
      story.emit(
        'serving',
        predictionLogged,
        { kind, ids: [], times: [], at: [], inputs: {}, arms, watermark: null },
        rows,
      );
    }
    return story.violations();
  }

  test('rows go through the champions in the order of the moves', async () => {
    expect(await predictions([1, 1, 2, 1])).toEqual([]);
    expect(await predictions([2, 2])).toEqual([]);
  });

  test('rows of a model that is not champion any more are found', async () => {
    expect(broken(await predictions([2, 1, 2]))).toEqual([live]);
  });

  test('rows of a model that never was champion are found, of requests too', async () => {
    expect(broken(await predictions([3]))).toEqual([live]);
    expect(broken(await predictions([3], 1, 'request'))).toEqual([live]);
    expect(await predictions([2, 1, 2], 1, 'request')).toEqual([]);
  });

  test('another frozen arm than the first promoted model is found', async () => {
    expect(broken(await predictions([2], 2))).toEqual([live]);
  });
});

describe(gaps, () => {
  const watermark = { ids: [], times: [], at: [], columns: {}, watermark: null };

  test('a missing event is found, whatever its topic', async () => {
    const story = new Story();
    story.emit('feature', featuresComputed, watermark, { sequence: 5 });
    story.emit('feature', featuresComputed, watermark, { sequence: 9, previous: 7 });
    expect(await story.violations()).toMatchObject([{ invariant: gaps, event: 'feature/trips/features@9' }]);
  });

  test('a first event with a past that is no longer kept is none, nor is a second copy', async () => {
    const story = new Story();
    story.emit('feature', featuresComputed, watermark, { sequence: 5, previous: 4 });
    const copied = story.emit('feature', featuresComputed, watermark, { sequence: 9 });
    story.append('features', copied);
    story.emit('feature', featuresComputed, watermark, { sequence: 12 });
    expect(await story.report()).toEqual({ events: 3, violations: [] });
  });
});

describe(conserved, () => {
  const counts = { received: 4, validated: 2, quarantined: 1, duplicates: 1, markers: 1 };

  async function audited(
    changed: Partial<typeof counts>,
    deadLettered = 0,
    lost: 'valid' | 'quarantine' | null = null,
  ) {
    const story = new Story();
    applied(story);
    const headers = (records: number) => ({ headers: { ce_records: String(records) }, previous: null });
    story.emit('ingestion', dataReceived, batch(['a', 'b', 'a']), headers(3));
    story.emit('ingestion', dataReceived, batch(['clock'], undefined, clockStream), headers(1));
    story.emit('ingestion', dataReceived, batch(['later']), headers(1));
    const a = story.emit('validation', dataValidated, batch(lost === 'valid' ? [] : ['a'], [rowAddress(0, 0)]), {
      sequence: rowAddress(0, 2),
    });
    story.append('data.valid', a);
    story.emit('validation', dataValidated, batch(['clock'], [rowAddress(1, 0)], clockStream), {
      sequence: rowAddress(1, 0),
    });
    story.emit('validation', dataValidated, batch(['later'], [rowAddress(2, 0)]), { sequence: rowAddress(2, 0) });
    story.emit('validation', dataQuarantined, {
      records: lost === 'quarantine' ? [] : [quarantined('b', rowAddress(0, 1))],
    });
    await story.open();
    await story.store.put(checkpointCollection, checkpointId('validation', 0), {
      epoch: 1,
      positions: { 'data.raw': 2 },
      applied: {},
      published: {},
      parts: {},
      counts: { trips: { ...counts, ...changed } },
      deadLettered,
    });
    return story.violations();
  }

  test('given a checkpoint that fits the log, nothing is found, though the log goes on', async () => {
    expect(await audited({})).toEqual([]);
  });

  test('counts that do not add up are found', async () => {
    expect(broken(await audited({ duplicates: 2 }))).toEqual([conserved]);
  });

  test('records that the log holds and the checkpoint does not count are found', async () => {
    expect(broken(await audited({ received: 3, duplicates: 0 }))).toEqual([conserved]);
    expect(await audited({ received: 3, duplicates: 0 }, 1)).toEqual([]);
  });

  test.each(['valid', 'quarantine'] as const)('records lost on their way to data.%s are found', async (lost) => {
    expect(await audited({}, 0, lost)).toMatchObject([
      { invariant: conserved, message: expect.stringContaining(`data.${lost}`) },
    ]);
  });
});

describe(readable, () => {
  test('an event of ours that does not fit its schema is found; a raw one is for validation to judge', async () => {
    const story = new Story();
    story.append('data.raw', {
      id: 'x',
      source: 'x',
      type: dataReceived.type,
      sequence: 1,
      previous: null,
      time: '',
      pipeline: 'trips',
      pipelineversion: 1,
      data: 7,
    });
    expect(await story.violations()).toEqual([]);
    story.append('data.valid', {
      id: 'y',
      source: 'y',
      type: dataValidated.type,
      sequence: 1,
      previous: null,
      time: '',
      pipeline: 'trips',
      pipelineversion: 1,
      data: 7,
    });
    expect(await story.violations()).toMatchObject([{ invariant: readable, event: 'y' }]);
  });
});
