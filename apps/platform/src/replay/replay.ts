import type { RegistryDoor, ReplayStatus } from '@relearn/console';
import { openRecorded, publishClock, publishRecorded, type RecordedLog } from '@relearn/ingestion';
import { digestOf, RelearnError, retry } from '@relearn/kernel';
import { type Ports, setBusinessNow } from '@relearn/runtime';
import { type LoadedPipeline, loadPipeline, namedFiles, openTables } from '../pipeline/parse.js';
import { type Pace, paceOf } from './pace.js';
import { markOf, readProgress, writeProgress } from './progress.js';

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

type Phase = ReplayStatus['state'];

/** A pipeline file and the data files that it names. */
export interface ReplaySource {
  readonly pipeline: LoadedPipeline;
  readonly tables: Awaited<ReturnType<typeof openTables>>;
}

/** Throws what is wrong with the file, NOT_FOUND and INVALID_INPUT for its data files. */
export async function openReplaySource(file: string): Promise<ReplaySource> {
  const pipeline = await loadPipeline(file);
  return { pipeline, tables: await openTables(namedFiles(pipeline)) };
}

/**
 * Replays a pipeline's recorded data as if it came now: the history of the first model as fast as it goes, then business
 * time at `speed` times machine time. What is written twice around a crash is a duplicate to validation.
 */
export class Replay {
  private readonly ports: Ports;
  private readonly options: ReplayOptions;
  private readonly pipeline: LoadedPipeline;
  private readonly input: string;
  private readonly pace: Pace;
  private readonly stopping = new AbortController();
  private now: number;
  /** Records of which the progress says that they are written. */
  private reached: number;
  /** Records that are written, of so many. */
  private done: number;
  private readonly total: number;
  private phase: Phase = 'history';
  private detail = '';
  private readonly running: Promise<void>;

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
    this.input = input;
    this.now = now;
    this.pace = paceOf(ports);
    this.reached = log.position;
    this.done = log.position;
    this.total = log.total;
    // Nothing else holds the recorded data: when the replay is done its memory is free.
    this.running = this.run(log);
  }

  /** Applies the pipeline file and goes on where an earlier replay of the same data stood. */
  static async start(
    ports: Ports,
    registry: Pick<RegistryDoor, 'apply'>,
    { pipeline, tables }: ReplaySource,
    options: ReplayOptions,
  ): Promise<Replay> {
    const { spec } = pipeline;
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
    await registry.apply(pipeline.text, pipeline.file, 'replay');
    return new Replay(ports, options, pipeline, log, input, now);
  }

  status(): ReplayStatus {
    const { speed, phase: state, done, total, detail } = this;
    return { pipeline: this.pipeline.spec.name, speed, state, done, total, detail };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private get speed(): number {
    return this.options.speed ?? defaultSpeed;
  }

  private async run(log: RecordedLog): Promise<void> {
    const { telemetry } = this.ports;
    try {
      await this.history(log);
      await this.paced(log);
      if (!this.stopping.signal.aborted) this.phase = 'done';
    } catch (thrown) {
      if (this.stopping.signal.aborted) return;
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
  private async history(log: RecordedLog): Promise<void> {
    const { clock } = this.ports.kernel;
    const { signal } = this.stopping;
    const { name } = this.pipeline.spec;
    while (!signal.aborted && log.nextKnown !== null && this.ports.catalog.inForce(name) === undefined) {
      if (this.pace.turnRuns(name) || (await this.waiting(() => this.pace.behind()))) {
        await clock.sleep(this.pace.lookAgainMs, signal);
        continue;
      }
      await this.waiting(() => this.advance(log, this.now + day));
      await this.waiting(() => this.pace.settled(signal));
    }
  }

  private async paced(log: RecordedLog): Promise<void> {
    const { clock } = this.ports.kernel;
    const { signal } = this.stopping;
    const { name } = this.pipeline.spec;
    if (log.nextKnown !== null) this.phase = 'replaying';
    let last = clock.now();
    while (!signal.aborted && log.nextKnown !== null) {
      await clock.sleep(stepMs, signal);
      const elapsed = Math.min(clock.now() - last, 4 * stepMs);
      last = clock.now();
      if (await this.waiting(() => this.pace.behind())) continue;
      const share = this.pace.turnRuns(name) ? this.options.turnShare : 1;
      const until = this.now + elapsed * this.speed * share;
      await this.waiting(() => this.advance(log, until));
    }
  }

  /** Works again while bus or store are away. */
  private waiting<T>(work: () => Promise<T>): Promise<T> {
    const { kernel, telemetry } = this.ports;
    const { signal } = this.stopping;
    const onRetry = (error: RelearnError, attempt: number) => {
      if (attempt % 20 === 1) telemetry.log.warn({ code: error.code, attempt }, `the replay waits: ${error.message}`);
    };
    return retry({ clock: kernel.clock, chance: kernel.chance, signal, onRetry }, work);
  }

  /** Writes what became known before the time, then a clock marker, then how far it has come. */
  private async advance(log: RecordedLog, time: number): Promise<void> {
    const until = Math.floor(time);
    const { name } = this.pipeline.spec;
    // Called again after a failure it begins where it had begun: a second copy is a duplicate to validation.
    log.position = this.reached;
    for (let batch = log.next(until, batchRecords); batch !== null; batch = log.next(until, batchRecords)) {
      await publishRecorded(this.ports, name, batch, this.stopping.signal);
      this.done = log.position;
      await this.ports.kernel.clock.breathe();
    }
    const { input } = this;
    await publishClock(this.ports, name, until, markOf({ input, position: log.position }));
    this.now = until;
    await setBusinessNow(this.ports, name, until);
    await writeProgress(this.ports, name, { input, position: log.position, now: until });
    this.reached = log.position;
  }
}
