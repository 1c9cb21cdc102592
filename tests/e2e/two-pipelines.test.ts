import { join } from 'node:path';
import { checkpointSaved, modelPromoted } from '@relearn/contracts';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { eventsOf, recordsIn } from './log.js';
import { orders, ordersPipeline, retrainByHand, trips, tripsPipeline, writePipeline } from './tables.js';
import { auditAtRest, countsOf, eventually, modelServed, replaysDone, startWorld, temporaryFolder } from './world.js';

const cleanUp = cleanUpAfterEach();

test('two pipelines, one of them sharded, live beside each other', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const quiet = { more: retrainByHand };
  const [ordered, travelled] = [orders({ rows: 1500, perDay: 150 }), trips({ rows: 1500, perDay: 150 })];
  const files = [
    await writePipeline(folder.path, 'orders', ordered, ordersPipeline(quiet)),
    await writePipeline(folder.path, 'trips', travelled, tripsPipeline(quiet.more)),
  ];
  const world = await startWorld({ folder: join(folder.path, 'data') });
  cleanUp.push(world.stop);
  const { ports, replays } = world.platform;

  await Promise.all(files.map((file) => replays.start(file, { speed: 500_000, turnShare: 0.1 })));
  for (const pipeline of ['orders', 'trips']) await modelServed(world, pipeline);
  await replaysDone(world);
  const report = await auditAtRest(world);

  expect(report.violations).toEqual([]);
  const control = await eventsOf(ports.bus, 'control');
  expect(new Set(control.filter((event) => modelPromoted.is(event)).map(({ pipeline }) => pipeline))).toEqual(
    new Set(['orders', 'trips']),
  );
  const byId = new Map(control.map((event) => [event.id, event]));
  for (const event of control) {
    // A shard's checkpoint is no pipeline's: it stands in the shard's own partition.
    if (checkpointSaved.is(event)) continue;
    const cause = byId.get(event.causationid ?? '');
    expect(cause?.pipeline ?? event.pipeline).toBe(event.pipeline);
    expect(event.partition).toBe(ports.catalog.controlPartition(event.pipeline));
  }
  const valid = await recordsIn(ports.bus, 'data.valid');
  for (const [pipeline, letter] of [
    ['orders', 'o'],
    ['trips', 't'],
  ] as const) {
    const mine = valid.filter((record) => record.pipeline === pipeline);
    const rows = mine.filter(({ stream }) => stream === 'rows');
    expect(rows.map(({ id }) => id).sort()).toEqual(Array.from({ length: 1500 }, (_, row) => `${letter}${row}`).sort());
    expect(mine.filter(({ stream }) => stream === 'labels')).toHaveLength(1500);
    const { markers = 0, ...counts } = await eventually('the checkpoints of all shards', async () => {
      const found = await countsOf(world, pipeline);
      return (found['received'] ?? 0) >= 3000 + (found['markers'] ?? 0) && found;
    });
    expect(counts).toEqual({ received: 3000 + markers, validated: 3000 + markers, quarantined: 0, duplicates: 0 });
  }
  const shards = new Set(
    valid.filter(({ pipeline, stream }) => pipeline === 'trips' && stream === 'rows').map(({ partition }) => partition),
  );
  expect(shards.size).toBeGreaterThan(1);
});
