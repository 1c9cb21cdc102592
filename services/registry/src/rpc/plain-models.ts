import { type Signer, writeBundle } from '@relearn/bundles';
import { canonicalJson, type Workers } from '@relearn/kernel';
import { type AggregateHost, businessNow, type Ports } from '@relearn/runtime';
import { distModule } from '@relearn/runtime/workers';
import { mayBePlain, register } from '../domain/commands.js';
import { checkUpload } from '../domain/plain-name.js';
import type { PipelineState } from '../domain/state.js';
import type { TriedModel } from '../jobs/try-model.js';

export interface RegisteredModel {
  readonly model: number;
  readonly bundle: string;
  readonly champion: number;
}

/** Files under names that no pipeline owns. */
export interface PlainModelCommands {
  /**
   * The file as the next version of the name, and as its champion where that is the alias. It is loaded and asked off the main
   * thread before anything is written. Throws INVALID_INPUT and TOO_LARGE saying why, ALREADY_EXISTS for a pipeline's name,
   * REFUSED where the champion is pinned.
   */
  registerModel(name: string, onnx: Uint8Array, alias: string, actor: string): Promise<RegisteredModel>;
}

const text = new TextEncoder();

export function plainModelCommands(
  ports: Ports,
  host: AggregateHost<PipelineState>,
  trials: Pick<Workers, 'run'>,
  signer: Signer | undefined,
): PlainModelCommands {
  const put = (value: unknown) => ports.blobs.put(text.encode(canonicalJson(value)));
  return {
    async registerModel(name, onnx, alias, actor) {
      checkUpload(name, onnx.byteLength, alias);
      mayBePlain(await host.state(name), name);
      const module = distModule(import.meta.url, '../jobs/try-model.js');
      const { inputs, outputs, runtime } = (await trials.run({ module, input: { onnx } })) as TriedModel;
      const digest = await ports.blobs.put(onnx);
      const record = { onnx: digest, bytes: onnx.byteLength, runtime };
      const files = {
        'model.onnx': digest,
        'signature.json': await put({ inputs, outputs }),
        'lineage.json': await put({ model: record }),
      };
      const bundle = await writeBundle(ports.blobs, name, files, signer);
      const now = await businessNow(ports, name);
      const asChampion = alias === 'champion';
      let registered = { model: 0, bundle, champion: 0 };
      await host.command(name, now, actor, (state) => {
        const model = state.models + 1;
        registered = { model, bundle, champion: asChampion ? model : (state.champion?.model ?? 0) };
        return register(state, name, { bundle, record }, asChampion);
      });
      await ports.catalog.registered(name, registered.model);
      return registered;
    },
  };
}
