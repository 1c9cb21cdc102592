import { RelearnError } from '@relearn/kernel';
import type { ModelRef, PlainModels } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import { type BundleSource, loadBundle } from './load-bundle.js';
import { KeyedQueue } from './keyed-queue.js';

/** Makes the versions of models that no pipeline owns the ones that are loaded: the newest, the champion and the one before it. */
export class PlainDeployments {
  private readonly ports: BundleSource;
  private readonly host: ModelHost;
  private readonly queue = new KeyedQueue();
  private readonly loaded = new Map<string, Set<number>>();

  constructor(ports: BundleSource, host: ModelHost) {
    this.ports = ports;
    this.host = host;
  }

  /** False where a version could not be loaded, which keeps nobody from the others. Throws where the champion could not. */
  ensure(name: string, models: PlainModels): Promise<boolean> {
    return this.queue.run(name, () => this.switchTo(name, models));
  }

  /** Nothing of the name is loaded any more. */
  async drop(name: string): Promise<void> {
    await this.queue.settled(name);
    for (const model of this.loaded.get(name) ?? []) await this.host.unload(name, model);
    this.loaded.delete(name);
  }

  private async switchTo(name: string, { versions, champion, former }: PlainModels): Promise<boolean> {
    const loaded = this.loaded.get(name) ?? new Set<number>();
    this.loaded.set(name, loaded);
    const failure = champion === undefined ? null : await this.champion(name, champion, loaded);
    const more = former === undefined ? versions : [...versions, former];
    const others = more.filter(({ model }) => model !== champion?.model);
    const whole = await this.loadAll(name, others, loaded);
    // What answers stays, whatever has been tried in vain since.
    const kept = new Set([...more.map(({ model }) => model), champion?.model, this.host.defaultOf(name)]);
    for (const model of loaded) {
      if (kept.has(model)) continue;
      await this.host.unload(name, model);
      loaded.delete(model);
    }
    if (failure !== null) throw failure;
    return whole;
  }

  /** Why it cannot answer, which keeps nobody from the other versions; null where it does. */
  private async champion(name: string, champion: ModelRef, loaded: Set<number>): Promise<RelearnError | null> {
    try {
      await this.load(name, champion, loaded);
    } catch (thrown) {
      return RelearnError.from(thrown);
    }
    if (this.host.defaultOf(name) !== champion.model) {
      this.host.setDefault(name, champion.model);
      const { model, bundle } = champion;
      this.ports.telemetry.log.info({ model, bundle }, `version ${model} of ${name} answers`);
    }
    return null;
  }

  private async loadAll(name: string, versions: readonly ModelRef[], loaded: Set<number>): Promise<boolean> {
    let whole = true;
    for (const version of versions) {
      try {
        await this.load(name, version, loaded);
      } catch (thrown) {
        whole = false;
        const error = RelearnError.from(thrown);
        this.ports.telemetry.log.error({ code: error.code }, `a version cannot be loaded: ${error.describe()}`);
      }
    }
    return whole;
  }

  private async load(name: string, version: ModelRef, loaded: Set<number>): Promise<void> {
    if (this.host.holds(name, version.model)) return;
    loaded.add(version.model);
    await loadBundle(this.ports, this.host, name, version, 'manual');
  }
}
