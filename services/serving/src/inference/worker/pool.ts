import { webcrypto } from 'node:crypto';
import { type Clock, LargeBuffers, type MachineMs, RelearnError } from '@relearn/kernel';
import type { RunOrder, RunResult, SessionEvents, Sessions } from '../sessions.js';
import type { ThreadPlan } from '../threads.js';
import type { ModelSignature } from '../tensors.js';
import { InlineRuns } from './inline-runs.js';
import type { OnnxSession, Ran } from './onnx-session.js';
import { type PackedTensors, pack, unpack } from './protocol.js';
import { SessionThread } from './session-thread.js';

export interface WorkerPoolOptions extends SessionEvents {
  readonly clock: Clock;
  readonly plan: ThreadPlan;
}

type Duty = 'starting' | 'idle' | 'running' | 'loading' | 'gone';

interface Seat {
  thread: SessionThread;
  duty: Duty;
  /** Orders that its thread has: the one that runs and the next. */
  orders: number;
  /** When its last run ended. */
  endedAt: MachineMs;
  /** Takes the seat for a load as soon as its thread has nothing to do. */
  claim: (() => void) | undefined;
}

/** A thread has its next run before it ends one: it need not wait for a busy event loop between them. */
const mostOrders = 2;

/** Bytes of large inputs that are kept for each run that may be under way. */
const keptOfRun = 16 << 20;

/**
 * Threads that all hold the same sessions. At most `plan.runs` run at once; a session is loaded into one thread after
 * another, so that the others go on answering. A dead thread is replaced and its sessions loaded again. Runs that are
 * shorter than the way to a thread are made where they are asked for.
 */
export class WorkerPool implements Sessions {
  private readonly options: WorkerPoolOptions;
  private readonly seats: Seat[] = [];
  private readonly sessions = new Map<number, Uint8Array>();
  private readonly inline: InlineRuns;
  private readonly buffers: LargeBuffers;
  private runningHere = 0;
  private deaths = 0;
  private stopping = false;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerPoolOptions) {
    this.options = options;
    this.inline = new InlineRuns(options.plan.inlineMs, options.onTrouble);
    this.buffers = new LargeBuffers(options.plan.runs * keptOfRun, options.clock);
  }

  start(): void {
    for (let index = 0; index < this.options.plan.workers; index++) this.seats.push(this.seat(index));
  }

  get free(): boolean {
    const running = this.seats.filter(({ duty }) => duty === 'running').length + this.runningHere;
    return running < this.options.plan.runs && this.seats.some(({ duty }) => duty === 'idle');
  }

  get takesNext(): boolean {
    return this.seats.some(hasRoom);
  }

  /** Loads into every thread. */
  async load(session: number, onnx: Uint8Array, digest: string): Promise<ModelSignature> {
    const found = await sha256Of(onnx);
    if (found !== digest) throw new RelearnError('CORRUPT', `the bytes are ${found}, not ${digest}`);
    return await this.exclusively(async () => {
      let signature: ModelSignature | undefined;
      this.sessions.set(session, onnx);
      try {
        for (const seat of this.seats) signature = await this.loadInto(seat, session, onnx);
      } catch (thrown) {
        await this.releaseEverywhere(session);
        throw thrown;
      }
      if (signature === undefined) throw new RelearnError('UNAVAILABLE', 'no inference thread is there');
      this.inline.add(session, onnx);
      return signature;
    });
  }

  release(session: number): Promise<void> {
    return this.exclusively(() => this.releaseEverywhere(session));
  }

  async run(order: RunOrder): Promise<RunResult> {
    const [rows = 1] = order.inputs[0]?.shape ?? [];
    // Digests take longer than the way to a thread, which makes them beside us.
    const mayBeHere = this.free && order.digested.length === 0;
    const here = mayBeHere ? this.inline.sessionFor(order.session, rows) : undefined;
    const inputs = pack(order.inputs, (size) => this.buffers.take(size));
    const ran = here === undefined ? await this.onThread(order, inputs) : await this.runHere(here, order, inputs);
    this.inline.took(order.session, rows, ran.computeMs);
    return { ...ran, outputs: unpack(ran.outputs) };
  }

  private async onThread(
    { session, rows, outputs, digested }: RunOrder,
    inputs: PackedTensors,
  ): Promise<Ran & Pick<RunResult, 'waitedMs' | 'digests'>> {
    const idle = this.free ? this.seats.find(({ duty }) => duty === 'idle') : undefined;
    const seat = idle ?? this.seats.find(hasRoom);
    if (seat === undefined) throw new RelearnError('INTERNAL', 'no inference thread takes a run');
    seat.duty = 'running';
    seat.orders += 1;
    const { clock } = this.options;
    const began = clock.now();
    try {
      const answer = await seat.thread.ask({ kind: 'run', session, inputs, rows, outputs, digested }, [inputs.buffer]);
      if (answer.kind === 'ran') {
        if (answer.inputs !== undefined) this.buffers.give(answer.inputs);
        if (idle === undefined) return Object.assign(answer, { waitedMs: Math.max(0, seat.endedAt - began) });
        this.inline.wayTook(clock.now() - began - answer.computeMs - answer.outputMs);
        return answer;
      }
      throw new RelearnError('INTERNAL', answer.kind === 'failed' ? answer.reason : `unexpected answer ${answer.kind}`);
    } finally {
      seat.orders -= 1;
      seat.endedAt = clock.now();
      if (seat.orders === 0) this.vacate(seat);
    }
  }

  private async runHere(session: OnnxSession, { outputs }: RunOrder, inputs: PackedTensors): Promise<Ran> {
    this.runningHere += 1;
    try {
      return await session.run(inputs, outputs);
    } catch (thrown) {
      throw new RelearnError('INTERNAL', RelearnError.from(thrown).message, { cause: thrown });
    } finally {
      this.buffers.give(inputs.buffer);
      this.runningHere -= 1;
      this.options.onFree();
    }
  }

  /** Ends every thread, each after its run. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.seats.map(({ thread }) => thread.stop()));
    await this.inline.clear();
  }

  private async releaseEverywhere(session: number): Promise<void> {
    this.sessions.delete(session);
    await this.inline.remove(session);
    for (const seat of this.seats) {
      await this.occupy(seat);
      // A thread that dies here has freed everything.
      await seat.thread.ask({ kind: 'release', session }).catch(() => undefined);
      this.vacate(seat);
    }
  }

  private seat(index: number): Seat {
    const seat: Seat = {
      thread: new SessionThread(`inference-${index}`),
      duty: 'idle',
      orders: 0,
      endedAt: 0,
      claim: undefined,
    };
    this.attend(seat, index);
    return seat;
  }

  private attend(seat: Seat, index: number): void {
    void seat.thread.gone.then(async () => {
      seat.duty = 'gone';
      if (this.stopping) return;
      this.deaths += 1;
      this.options.onTrouble(`inference-${index} died; another thread takes its place`);
      // A thread that dies again and again must not eat the machine.
      await this.options.clock.sleep(Math.min(5_000, 10 * 2 ** Math.min(this.deaths, 9)));
      if (this.stopping) return;
      seat.duty = 'starting';
      seat.thread = new SessionThread(`inference-${index}`);
      this.attend(seat, index);
      await this.restore(seat);
    });
  }

  private async restore(seat: Seat): Promise<void> {
    const { thread } = seat;
    for (const [session, onnx] of this.sessions) {
      const answer = await thread.ask({ kind: 'load', session, onnx }).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.kind === 'failed') this.options.onLost(session, answer.reason);
    }
    this.vacate(seat);
  }

  private async loadInto(seat: Seat, session: number, onnx: Uint8Array): Promise<ModelSignature> {
    await this.occupy(seat);
    try {
      const answer = await seat.thread.ask({ kind: 'load', session, onnx });
      if (answer.kind === 'loaded') return answer.signature;
      const reason = answer.kind === 'failed' ? answer.reason : `unexpected answer ${answer.kind}`;
      throw new RelearnError('INVALID_INPUT', `the runtime cannot load the model: ${reason}`);
    } finally {
      this.vacate(seat);
    }
  }

  /** Takes the seat out of the runs, at once or after its run. Only one load or release is under way at a time. */
  private async occupy(seat: Seat): Promise<void> {
    if (seat.duty === 'idle') seat.duty = 'loading';
    else {
      await new Promise<void>((resolve) => {
        seat.claim = resolve;
      });
    }
  }

  private vacate(seat: Seat): void {
    const { claim } = seat;
    if (!seat.thread.alive) seat.duty = 'gone';
    else if (claim === undefined) seat.duty = 'idle';
    else {
      seat.duty = 'loading';
      seat.claim = undefined;
      claim();
    }
    this.options.onFree();
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

function hasRoom({ duty, orders, claim }: Seat): boolean {
  return duty === 'running' && orders < mostOrders && claim === undefined;
}

/** Off the main thread. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}
