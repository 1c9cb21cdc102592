import { RelearnError } from '@relearn/kernel';
import type { InForce, ModelRef } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import { type BundleSource, loadBundle } from './load-bundle.js';
import { KeyedQueue } from './keyed-queue.js';

/**
 * Models of a pipeline that stay loaded: the champion, the one before it (a rollback is then at once), the frozen one, and one
 * that is tried beside the champion.
 */
interface Loaded {
  readonly inForce: InForce;
  /** The champion before this one. */
  readonly former: number | undefined;
  readonly kept: ReadonlySet<number>;
}

/** Makes the models that are in force the models that are loaded: verified by digest and signature, tried out, switched, drained. */
export class Deployments {
  private readonly ports: BundleSource;
  private readonly host: ModelHost;
  private readonly loaded = new Map<string, Loaded>();
  /** By pipeline and shard: what the shard's rows are scored by. */
  private readonly held = new Map<string, Map<number, InForce>>();
  /** By pipeline: every version that is loaded. */
  private readonly present = new Map<string, Set<number>>();
  private readonly queue = new KeyedQueue();

  constructor(ports: BundleSource, host: ModelHost) {
    this.ports = ports;
    this.host = host;
  }

  /** The models in force that are loaded here; null before the first. */
  current(pipeline: string): InForce | null {
    return this.loaded.get(pipeline)?.inForce ?? null;
  }

  /** Whether the model that is tried beside the champion is loaded here. */
  tries(pipeline: string, model: number): boolean {
    return this.host.challengerOf(pipeline)?.model === model;
  }

  /**
   * Loads what the move names and switches to it; the same or an older move changes nothing. False where the challenger
   * could not be loaded, which keeps nobody from the champion. Throws where that could not.
   */
  ensure(pipeline: string, move: InForce): Promise<boolean> {
    return this.queue.run(pipeline, () => this.switchTo(pipeline, move));
  }

  /**
   * The same, for a shard's rows. What scores them stays loaded until the shard holds another move or is released: rows of the
   * time before a promotion, or before several, are scored by the models of that time. Requests do not get those.
   */
  hold(pipeline: string, shard: number, move: InForce): Promise<void> {
    return this.queue.run(pipeline, async () => {
      await this.switchTo(pipeline, move);
      if (!this.host.holds(pipeline, move.champion.model)) await this.load(pipeline, move.champion);
      await this.loadFrozen(pipeline, move);
      const shards = this.held.get(pipeline) ?? new Map<number, InForce>();
      this.held.set(pipeline, shards.set(shard, move));
      await this.unloadOthers(pipeline);
    });
  }

  /** No rows of the shard are scored here any more. */
  async release(shard: number): Promise<void> {
    const letGo = [...this.held].map(([pipeline, shards]) =>
      this.queue.run(pipeline, async () => {
        if (shards.delete(shard)) await this.unloadOthers(pipeline);
      }),
    );
    for (const outcome of await Promise.allSettled(letGo)) {
      if (outcome.status === 'fulfilled') continue;
      const { code, message } = RelearnError.from(outcome.reason);
      this.ports.telemetry.log.warn({ shard, code }, `models of the shard stay loaded: ${message}`);
    }
  }

  /** Nothing of the pipeline is loaded any more. */
  async drop(pipeline: string): Promise<void> {
    await this.queue.settled(pipeline);
    this.loaded.delete(pipeline);
    this.held.delete(pipeline);
    await this.unloadOthers(pipeline);
  }

  private async switchTo(pipeline: string, move: InForce): Promise<boolean> {
    const before = this.loaded.get(pipeline);
    if (before === undefined || before.inForce.position < move.position) await this.change(pipeline, move, before);
    return await this.loadChallenger(pipeline);
  }

  private async change(pipeline: string, move: InForce, before: Loaded | undefined): Promise<void> {
    const { champion, frozen, challenger } = move;
    await this.load(pipeline, champion);
    this.host.setOffered(pipeline, champion.model, true);
    this.host.setDefault(pipeline, champion.model);
    await this.loadFrozen(pipeline, move);
    if (this.host.challengerOf(pipeline)?.model !== challenger?.model) this.host.setChallenger(pipeline, null);
    const last = before?.inForce.champion.model;
    const former = last === champion.model ? before?.former : last;
    const wanted = [champion.model, frozen?.model, challenger?.model, former];
    const kept = new Set(wanted.filter((model): model is number => model !== undefined));
    this.loaded.set(pipeline, { inForce: move, former, kept });
    await this.unloadOthers(pipeline);
    this.ports.telemetry.log.info(
      { pipeline, model: champion.model, bundle: champion.bundle },
      `model ${champion.model} of ${pipeline} answers`,
    );
  }

  /** What scores rows beside the champion and answers nobody. One that is refused is done without. */
  private async loadFrozen(pipeline: string, { champion, frozen }: InForce): Promise<void> {
    if (frozen === null || frozen.model === champion.model) return;
    try {
      if (!this.host.holds(pipeline, frozen.model)) await this.load(pipeline, frozen);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code !== 'REFUSED') throw error;
      const { model } = frozen;
      this.ports.telemetry.log.error(
        { pipeline, model },
        `rows are not scored by the frozen model: ${error.describe()}`,
      );
      return;
    }
    this.host.setOffered(pipeline, frozen.model, false);
  }

  /** True when there is none, or it is there. */
  private async loadChallenger(pipeline: string): Promise<boolean> {
    const challenger = this.loaded.get(pipeline)?.inForce.challenger;
    if (challenger === undefined) return true;
    const { model, strategy, share } = challenger;
    try {
      await this.load(pipeline, challenger);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      this.ports.telemetry.log.error(
        { pipeline, model, code: error.code },
        `the challenger cannot be loaded: ${error.describe()}`,
      );
      return false;
    }
    this.host.setOffered(pipeline, model, true);
    this.host.setChallenger(pipeline, challenger);
    this.ports.telemetry.log.info({ pipeline, model, strategy, share }, `model ${model} of ${pipeline} is tried`);
    return true;
  }

  private load(pipeline: string, ref: ModelRef): Promise<void> {
    const present = this.present.get(pipeline) ?? new Set<number>();
    this.present.set(pipeline, present.add(ref.model));
    return loadBundle(this.ports, this.host, pipeline, ref, 'gates');
  }

  /** Of what is loaded only that stays which is in force, or which some shard's rows are scored by. */
  private async unloadOthers(pipeline: string): Promise<void> {
    const kept = this.loaded.get(pipeline)?.kept;
    const moves = [...(this.held.get(pipeline)?.values() ?? [])];
    const held = new Set(moves.flatMap(scorersOf).map(({ model }) => model));
    const present = this.present.get(pipeline) ?? new Set<number>();
    for (const model of present) {
      if (kept?.has(model) === true) continue;
      if (held.has(model)) {
        this.host.setOffered(pipeline, model, false);
        continue;
      }
      await this.host.unload(pipeline, model);
      present.delete(model);
    }
  }
}

/** Rows do not wait for a challenger: without it they tell nothing of it. */
function scorersOf({ champion, frozen }: InForce): readonly ModelRef[] {
  return frozen === null ? [champion] : [champion, frozen];
}
