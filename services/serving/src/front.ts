import type { Blobs } from '@relearn/blobs';
import type { ReadTrust } from '@relearn/bundles';
import { type Part, RelearnError } from '@relearn/kernel';
import type { Catalog, Ports } from '@relearn/runtime';
import { type BundleCache, type Remembered, versionsIn } from './cache/bundle-cache.js';
import { Deployments } from './handlers/deployments.js';
import type { BundleSource } from './handlers/load-bundle.js';
import { PlainDeployments } from './handlers/plain-deployments.js';
import { ModelHost } from './inference/model-host.js';
import type { PredictionLog } from './inference/prediction-record.js';
import { tellTritonMetrics } from './inference/triton-metrics.js';
import type { OpenSessions } from './inference/sessions.js';
import { threadPlan } from './inference/threads.js';

export interface FrontOptions {
  /** Takes the records of answered requests before the answers leave. */
  readonly log?: PredictionLog;
  /** Where models are loaded and run; worker threads by default. */
  readonly sessions?: OpenSessions;
  /** How many serving processes share the cores. Default 1. */
  readonly processes?: number;
  /** Bundles that are there while the platform's blobs are away; without it those are always asked. */
  readonly cache?: BundleCache;
  /** Whose bundles are loaded; absent: nobody's signature is asked for. */
  readonly trust?: ReadTrust | undefined;
}

/** The half of serving that answers requests. It needs nothing of the platform, but for models that it has not had before. */
export class ServingFront implements Part {
  readonly name = 'models';
  readonly host: ModelHost;
  private readonly cache: BundleCache | undefined;
  private readonly telemetry: Ports['telemetry'];
  private readonly deployments: Deployments;
  private readonly plain: PlainDeployments;
  private blobs: Pick<Blobs, 'get'> | undefined;
  private readonly restored = new Map<string, Remembered>();
  private started: Promise<void> | undefined;

  constructor(
    { kernel, telemetry }: Pick<Ports, 'kernel' | 'telemetry'>,
    { cache, log, sessions, processes = 1, trust }: FrontOptions,
  ) {
    const onTrouble = (message: string) => telemetry.log.error({ service: 'serving' }, message);
    const onLeftOut = (what: string) => telemetry.metrics.unlogged.add({ what });
    const options = { ...(log === undefined ? {} : { log }), ...(sessions === undefined ? {} : { sessions }) };
    this.host = new ModelHost({ kernel, onTrouble, onLeftOut, threads: threadPlan({ processes }), ...options });
    tellTritonMetrics(this.host, telemetry.metrics);
    this.cache = cache;
    this.telemetry = telemetry;
    const blobs = cache?.blobs ?? { get: (digest: string) => this.get(digest) };
    const source: BundleSource = { telemetry, blobs, trust };
    this.deployments = new Deployments(source, this.host);
    this.plain = new PlainDeployments(source, this.host);
  }

  /** The pipelines' part, for the scoring of streams. */
  get pipelines(): Deployments {
    return this.deployments;
  }

  /** Is there a model that answers? */
  get serves(): boolean {
    return this.host.ready && this.host.list().some(({ state }) => state === 'READY');
  }

  /** From now on bundles are to be had here. */
  connect(blobs: Pick<Blobs, 'get'>): void {
    this.blobs = blobs;
    this.cache?.connect(blobs);
  }

  /** Loads what was in force when the cache was last written; again it changes nothing. */
  start(): Promise<void> {
    this.started ??= this.begin();
    return this.started;
  }

  stop(): Promise<void> {
    return this.host.stop();
  }

  /**
   * Makes what is in force under a name what is loaded; where nothing is, there is nothing to do. False where a version could not
   * be loaded, which keeps nobody from the champion. Throws where that could not.
   */
  async follow(catalog: Catalog, name: string): Promise<boolean> {
    const plain = catalog.plain(name);
    if (plain !== undefined) return await this.ensure(name, { plain });
    const inForce = catalog.inForce(name);
    return inForce === undefined || (await this.ensure(name, { inForce }));
  }

  /** Lets go of what the cache remembers of another log than this: names that are not there, or that mean other bundles. */
  async reconcile(catalog: Catalog): Promise<void> {
    for (const [name, remembered] of this.restored) {
      this.restored.delete(name);
      if (versionsIn(remembered).every(({ model, bundle }) => catalog.bundle(name, model) === bundle)) continue;
      await Promise.all([this.deployments.drop(name), this.plain.drop(name)]);
      await this.cache?.forget(name);
    }
  }

  private async begin(): Promise<void> {
    await this.host.start();
    for (const [name, remembered] of this.cache?.open() ?? []) {
      this.restored.set(name, remembered);
      try {
        await this.load(name, remembered);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        this.telemetry.log.warn({ name, code: error.code }, `not loaded from the bundle cache: ${error.describe()}`);
      }
    }
  }

  private async ensure(name: string, remembered: Remembered): Promise<boolean> {
    const whole = await this.load(name, remembered);
    await this.cache?.remember(name, remembered);
    return whole;
  }

  private load(name: string, remembered: Remembered): Promise<boolean> {
    return 'plain' in remembered
      ? this.plain.ensure(name, remembered.plain)
      : this.deployments.ensure(name, remembered.inForce);
  }

  private get(digest: string): Promise<Uint8Array> {
    if (this.blobs === undefined) throw new RelearnError('UNAVAILABLE', 'the blobs are not there yet');
    return this.blobs.get(digest);
  }
}
