import { RelearnError } from '@relearn/kernel';
import type { InForce, ModelRef, Ports } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import type { ModelSignature } from '../inference/tensors.js';

interface BundleManifest {
  readonly files: Readonly<Record<string, string>>;
}

/** Models of a pipeline that stay loaded: the champion, the one before it (a rollback is then at once), and the frozen one. */
interface Loaded {
  readonly inForce: InForce;
  readonly kept: ReadonlySet<number>;
}

/** Makes the models that are in force the models that are loaded: verified by digest, tried out, switched, drained. */
export class Deployments {
  private readonly ports: Ports;
  private readonly host: ModelHost;
  private readonly loaded = new Map<string, Loaded>();
  private readonly queues = new Map<string, Promise<void>>();

  constructor(ports: Ports, host: ModelHost) {
    this.ports = ports;
    this.host = host;
  }

  /** The models in force that are loaded here; null before the first. */
  current(pipeline: string): InForce | null {
    return this.loaded.get(pipeline)?.inForce ?? null;
  }

  /** Loads what the move names and switches to it; the same or an older move changes nothing. */
  ensure(pipeline: string, move: InForce): Promise<void> {
    const before = this.queues.get(pipeline) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.switchTo(pipeline, move));
    this.queues.set(pipeline, mine);
    return mine;
  }

  private async switchTo(pipeline: string, move: InForce): Promise<void> {
    const before = this.loaded.get(pipeline);
    if (before !== undefined && before.inForce.position >= move.position) return;
    await this.load(pipeline, move.champion);
    if (move.frozen !== null && move.frozen.model !== move.champion.model) {
      await this.load(pipeline, move.frozen);
      this.host.setOffered(pipeline, move.frozen.model, false);
    }
    this.host.setOffered(pipeline, move.champion.model, true);
    this.host.setDefault(pipeline, move.champion.model);
    const former = before?.inForce.champion.model;
    const wanted = [move.champion.model, move.frozen?.model, former];
    const kept = new Set(wanted.filter((model): model is number => model !== undefined));
    for (const model of before?.kept ?? []) if (!kept.has(model)) await this.host.unload(pipeline, model);
    this.loaded.set(pipeline, { inForce: move, kept });
    const { model } = move.champion;
    this.ports.telemetry.log.info(
      { pipeline, model, bundle: move.champion.bundle },
      `model ${model} of ${pipeline} answers`,
    );
  }

  private async load(pipeline: string, { model, bundle }: ModelRef): Promise<void> {
    const manifest = await this.readJson<BundleManifest>(bundle);
    const [onnx, signature] = [manifest.files['model.onnx'], manifest.files['signature.json']];
    if (onnx === undefined || signature === undefined)
      throw new RelearnError('CORRUPT', `bundle ${bundle} is not whole`);
    const bytes = await this.ports.blobs.get(onnx);
    await this.host.load(pipeline, model, bytes, await this.readJson<ModelSignature>(signature), { digest: onnx });
  }

  private async readJson<T>(digest: string): Promise<T> {
    return JSON.parse(Buffer.from(await this.ports.blobs.get(digest)).toString('utf8')) as T;
  }
}
