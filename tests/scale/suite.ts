import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Service, startProcesses } from '../e2e/processes.js';
import { openSharedPorts, sharedSettings } from '../e2e/shared-engines.js';
import { temporaryFolder } from '../e2e/world.js';
import { inputs } from './input.js';
import type { Outcome } from './outcome.js';
import { type Disturbance, live, type Run, scaled } from './run.js';

/** All there is to try takes a quarter of an hour: it is tried when it is asked for. */
export const whole = process.env['RELEARN_SCALE'] === 'whole';
/** A process a service, as in containers; else an instance runs all four. */
const instance: readonly (readonly Service[])[] = whole ? scaled.map((service) => [service]) : [scaled];
/** One process, since nothing of them is tried here. */
const rest = ['ingestion', 'training', 'evaluation', 'registry', 'console'] as const satisfies readonly Service[];
/** Of a pipeline: drift and quality of each day that is measured, and the quality of the day before them, which nobody scored. */
const reports = 9;
const longestMs = 600_000;

const none: Disturbance = { added: async () => undefined, killed: async () => undefined };

/** A second instance comes, then the first dies. */
const replaced: Disturbance = {
  async added({ processes }) {
    await Promise.all(instance.map((services) => processes.add(services)));
  },
  async killed({ processes }) {
    const first = new Set(scaled.flatMap((service) => processes.instancesOf(service).slice(0, 1)));
    await Promise.all([...first].map((name) => processes.signal(name, 'SIGKILL')));
  },
};

/** The same input on one, several and changing instances, each a process; what becomes of it must be the same. */
export function scaleSuite(bus: 'kafka' | 'nats', counts: readonly number[]): void {
  const engines = inject('engines');
  const lacks = ([bus, 'mongodb'] as const).filter((engine) => engines[engine] === null);
  const without = lacks.length === 0 ? '' : ` (not run: no ${lacks.join(', no ')})`;

  describe.skipIf(lacks.length > 0)(`${bus} and mongodb${without}`, () => {
    let one: Run;
    const cleanUp: (() => Promise<void>)[] = [];

    const run = async (instances: number, disturbance: Disturbance): Promise<Run> => {
      const folder = await temporaryFolder();
      cleanUp.push(folder.remove);
      const settings = sharedSettings(bus, folder.path);
      const layout = [rest, ...Array.from({ length: instances }, () => instance).flat()];
      const processes = await startProcesses(settings, layout);
      cleanUp.push(() => processes.kill());
      const { ports, close } = await openSharedPorts(settings);
      cleanUp.push(close);
      try {
        return await live({ url: processes.url, ports, processes }, disturbance);
      } catch (thrown) {
        console.error(await processes.logs());
        throw thrown;
      }
    };

    const ended = async () => {
      for (const clean of cleanUp.splice(0).reverse()) await clean();
    };

    beforeAll(async () => {
      one = await run(1, none);
      await ended();
    }, longestMs);
    afterEach(ended);

    test('one instance loses nothing and doubles nothing', () => expectWhole(one));

    test.each(counts)(
      '%i instances give the bytes of one',
      async (count) => {
        const many = await run(count, none);
        expectWhole(many);
        expect(many.outcomes).toEqual(one.outcomes);
        expect(many.counts).toEqual(one.counts);
        expect(many.idle).toEqual([]);
      },
      longestMs,
    );

    test(
      'an instance that comes, and one that dies, in the middle lose nothing, double nothing and change no byte',
      async () => {
        const changed = await run(1, replaced);
        expectWhole(changed);
        expect(changed.outcomes).toEqual(one.outcomes);
        expect(changed.counts).toEqual(one.counts);
        expect(Math.min(...[...changed.epochs.values()].flat())).toBeGreaterThan(1);
      },
      longestMs,
    );
  });
}

/** What was acknowledged stands in the log once, and the audit finds nothing. */
function expectWhole({ outcomes, acknowledged, audit }: Run): void {
  expect(audit.violations).toEqual([]);
  for (const { name, measured } of inputs()) {
    const { merged, valid, features, predictions } = outcomes.get(name) ?? nothing;
    expect(valid).toEqual(acknowledged.get(name));
    const rows = valid.flatMap((record) => (record.startsWith('rows ') ? record.split(' ').slice(1) : []));
    expect(idsOf(features)).toEqual(rows.sort());
    const scored = measured.flatMap((step) => step.rows.map((row) => String(row['trip'] ?? row['order_id'])));
    expect(idsOf(predictions)).toEqual(scored.sort());
    expect(merged).toHaveLength(reports);
  }
}

const nothing: Outcome = { merged: [], profiles: [], valid: [], features: [], predictions: [] };
const idsOf = (rows: readonly string[]) => rows.map((row) => row.split(' ')[0] ?? '').sort();
