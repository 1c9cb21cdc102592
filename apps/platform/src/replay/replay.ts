import type { ReplayStatus } from '@relearn/console';
import { openRecorded, publishClock, publishRecorded, type RecordedLog } from '@relearn/ingestion';
import { digestOf, RelearnError } from '@relearn/kernel';
import { type Ports, setBusinessNow } from '@relearn/runtime';
import { type LoadedPipeline, loadPipeline, namedFiles, openTables } from '../pipeline/parse.js';
import type { Services } from '../services.js';
import { readProgress, writeProgress } from './progress.js';

export interface ReplayOptions {
  /** Business milliseconds that pass in one machine millisecond; null: a year in five minutes. */
  readonly speed: number | null;
  /** While a turn runs, business time goes at this share of the speed. */
  readonly turnShare: number;
}

/** A year in five minutes. */
const defaultSpeed = (365 * 86_400_000) / 300_000;
const day = 86_400_000;
const stepMs = 50;
const batchRecords = 1000;
/** Records (events of up to 1,000 rows) that consumers may be behind before the replay waits for them. */
const mostBehind = 24;

type Phase = ReplayStatus['state'];

/**
 * Replays a pipeline's recorded data as if it came now: the history of the first model as fast as it goes, then business
 * time at `speed` times machine time. What is written twice around a crash is a duplicate to validation.
 */
export class Replay {
  private readonly ports: Ports;
  private readonly options: ReplayOptions;
  private readonly pipeline: LoadedPipeline;
  private readonly log: RecordedLog;
  private readonly input: string;
  private readonly stopping = new AbortController();
  private now: number;
  private phase: Phase = 'history';
  private detail = '';
  private running: Promise<void> = Promise.resolve();

  private constructor(
    ports: Ports,
    options: ReplayOptions,
    pipeline: LoadedPipeline,
    log: RecordedLog,
    input: string,
    now: number,
  ) {
    this.ports = ports;
    this.options = options;
    this.pipeline = pipeline;
    this.log = log;
    this.input = input;
    this.now = now;
  }

  /** Applies the file and goes on where an earlier replay of the same data stood. */
  static async start(
    ports: Ports,
    services: Pick<Services, 'registry'>,
    file: string,
    options: ReplayOptions,
  ): Promise<Replay> {
    const pipeline = await loadPipeline(file);
    const { spec, digest } = pipeline;
    const tables = await openTables(namedFiles(pipeline));
    const log = await openRecorded(spec, tables, { breathe: ports.kernel.clock.breathe });
    const first = log.firstKnown;
    if (first === null) throw new RelearnError('INVALID_INPUT', 'the data files hold no row with an event time');
    const input = digestOf({ name: spec.name, files: tables.map(({ table }) => table.contentHash) });
    const before = await readProgress(ports, spec.name);
    if (before !== null && before.input !== input) {
      throw new RelearnError('REFUSED', `${spec.name} was replayed from other data before`, {
        remedy: 'Replay it into another data folder (RELEARN_DATA).',
      });
    }
    const now = before?.now ?? Math.floor(first / day) * day;
    if (before !== null) log.position = before.position;
    await setBusinessNow(ports, spec.name, now);
    await services.registry.apply(spec, digest, 'replay');
    const replay = new Replay(ports, options, pipeline, log, input, now);
    replay.running = replay.run();
    return replay;
  }

  status(): ReplayStatus {
    const { position: done, total } = this.log;
    return {
      pipeline: this.pipeline.spec.name,
      speed: this.speed,
      state: this.phase,
      done,
      total,
      detail: this.detail,
    };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private get speed(): number {
    return this.options.speed ?? defaultSpeed;
  }

  private async run(): Promise<void> {
    const { telemetry } = this.ports;
    try {
      await this.history();
      await this.paced();
      if (!this.stopping.signal.aborted) this.phase = 'done';
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      this.phase = 'failed';
      this.detail = error.describe();
      telemetry.log.error(
        { pipeline: this.pipeline.spec.name, code: error.code },
        `the replay has stopped: ${error.describe()}`,
      );
    }
  }

  /** Until a first model answers: day by day, each as soon as the one before has been worked through. */
  private async history(): Promise<void> {
    const { clock } = this.ports.kernel;
    const { signal } = this.stopping;
    const { name } = this.pipeline.spec;
    while (!signal.aborted && this.log.nextKnown !== null && this.ports.catalog.inForce(name) === undefined) {
      if (this.ports.activity.jobs() > 0 || (await this.behind())) {
        await clock.sleep(5, signal);
        continue;
      }
      await this.advance(this.now + day);
    }
  }

  private async paced(): Promise<void> {
    const { clock } = this.ports.kernel;
    const { signal } = this.stopping;
    if (this.log.nextKnown !== null) this.phase = 'replaying';
    let last = clock.now();
    while (!signal.aborted && this.log.nextKnown !== null) {
      await clock.sleep(stepMs, signal);
      const elapsed = Math.min(clock.now() - last, 4 * stepMs);
      last = clock.now();
      if (await this.behind()) continue;
      const share = this.ports.activity.jobs() > 0 ? this.options.turnShare : 1;
      await this.advance(this.now + elapsed * this.speed * share);
    }
  }

  private async behind(): Promise<boolean> {
    return (await this.ports.activity.behind(this.ports.bus)) > mostBehind;
  }

  /** Writes what became known before the time, then a clock marker, then how far it has come. */
  private async advance(until: number): Promise<void> {
    const { name } = this.pipeline.spec;
    for (let batch = this.log.next(until, batchRecords); batch !== null; batch = this.log.next(until, batchRecords)) {
      await publishRecorded(this.ports, name, batch, this.stopping.signal);
      await this.ports.kernel.clock.breathe();
    }
    await publishClock(this.ports, name, until);
    this.now = until;
    await setBusinessNow(this.ports, name, until);
    await writeProgress(this.ports, name, { input: this.input, position: this.log.position, now: until });
  }
}
