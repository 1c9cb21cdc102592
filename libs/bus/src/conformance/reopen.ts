import { describe, expect } from 'vitest';
import {
  type BusFactory,
  expectCode,
  type Lacks,
  partitions,
  record,
  testWith,
  textOf,
  topic,
  until,
  wide,
} from './fixture.js';
import { joinGroup, Watch } from './member.js';

/** For buses that keep their records: what a test has published is there when another bus opens on the same place. */
export function reopenTests(factory: BusFactory, lacks: Lacks): void {
  describe('reopening', () => {
    testWith(
      'reopen',
      lacks,
      factory,
      'records, positions, times and topics are as before, and positions go on',
      async ({ bus }, reopen) => {
        await bus.publish(
          Array.from({ length: 50 }, (_, n) =>
            record(n % partitions, `${n}`, { key: `k${n}`, headers: { n: `${n}` } }),
          ),
        );
        const before = await Promise.all([0, 1, 2, 3].map((partition) => bus.read(topic, partition, 0, wide)));
        const bounds = await bus.bounds(topic);
        const again = await reopen();
        expect(await Promise.all([0, 1, 2, 3].map((partition) => again.read(topic, partition, 0, wide)))).toEqual(
          before,
        );
        expect(await again.bounds(topic)).toEqual(bounds);
        await again.ensureTopics([
          { name: topic, partitions, retentionMs: null },
          { name: 'new', partitions: 2, retentionMs: 1_000 },
        ]);
        await expectCode(again.ensureTopics([{ name: topic, partitions: 2, retentionMs: null }]), 'REFUSED');
        const [position] = await again.publish([record(0, 'after')]);
        expect(position).toBeGreaterThanOrEqual(bounds[0]?.end ?? 0);
        expect(await again.read('new', 0, 0, wide)).toEqual([]);
      },
    );

    testWith('reopen', lacks, factory, 'groups go on where they had committed', async ({ bus, kernel }, reopen) => {
      const watch = new Watch();
      await bus.publish(Array.from({ length: 20 }, (_, n) => record(n % partitions, `early${n}`)));
      const member = await joinGroup({ bus, group: 'g', name: 'a', watch });
      await until(kernel, () => watch.seen.length === 20);
      await member.close();
      await bus.publish(Array.from({ length: 8 }, (_, n) => record(n % partitions, `late${n}`)));
      const again = await reopen();
      const later = new Watch();
      const heir = await joinGroup({ bus: again, group: 'g', name: 'b', watch: later });
      await until(kernel, () => later.seen.length === 8);
      expect(later.texts().every((text) => text.startsWith('late'))).toBe(true);
      const other = new Watch();
      const fresh = await joinGroup({ bus: again, group: 'other', name: 'c', watch: other });
      await until(kernel, () => other.seen.length === 28);
      expect((await again.read(topic, 0, 0, wide)).map(textOf)).toContain('early0');
      await Promise.all([heir.close(), fresh.close()]);
    });
  });
}
