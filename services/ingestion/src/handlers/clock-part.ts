import { type Part, RelearnError } from '@relearn/kernel';
import { clockCollection, type Ports, readCheckpoint } from '@relearn/runtime';
import { SteadyWall } from '../domain/steady-wall.js';
import { publishClock } from './publish-recorded.js';

const tickMs = 1000;
/** A monitoring window is closed by markers within this share of its length. */
const markersPerWindow = 50;

/**
 * Writes clock markers for live pipelines, those whose business time is not replayed: every fiftieth of a monitoring
 * window, at least a second. A marker says that time had come so far one interval ago, so that what is that long on its
 * way is not made late by it. A pipeline without any record yet has none: its history may still be to come.
 */
export function clockPart(ports: Ports): Part {
  const stopping = new AbortController();
  const wall = new SteadyWall(ports.kernel.clock);
  const written = new Map<string, number>();
  const begun = new Set<string>();
  let running: Promise<void> = Promise.resolve();

  const mark = async (pipeline: string, window: number): Promise<void> => {
    const { clock } = ports.kernel;
    const interval = Math.max(tickMs, window / markersPerWindow);
    const last = written.get(pipeline);
    if (last === undefined) written.set(pipeline, clock.now());
    if (last === undefined || clock.now() - last < interval) return;
    written.set(pipeline, clock.now());
    if ((await ports.store.get(clockCollection, pipeline)) !== null) return;
    if (!begun.has(pipeline) && !(await hasRecords(ports, pipeline))) return;
    begun.add(pipeline);
    await publishClock(ports, pipeline, Math.floor(wall.now() - interval));
  };

  const run = async (): Promise<void> => {
    const { signal } = stopping;
    for (;;) {
      await ports.kernel.clock.sleep(tickMs, signal);
      if (signal.aborted) return;
      // Looked at each time, so that a step shows whenever it happens.
      wall.now();
      for (const pipeline of ports.catalog.names()) {
        const window = ports.catalog.latest(pipeline)?.spec.monitor.window ?? 0;
        try {
          await mark(pipeline, window);
        } catch (thrown) {
          const { code, message } = RelearnError.from(thrown);
          ports.telemetry.log.warn({ pipeline, code }, `no clock marker was written: ${message}`);
        }
      }
    }
  };

  return {
    name: 'ingestion clock',
    async start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Has validation counted anything of the pipeline but markers? */
async function hasRecords({ catalog, store }: Ports, pipeline: string): Promise<boolean> {
  for (const shard of catalog.latest(pipeline)?.shards ?? []) {
    const { received = 0, markers = 0 } = (await readCheckpoint(store, 'validation', shard))?.counts[pipeline] ?? {};
    if (received > markers) return true;
  }
  return false;
}
