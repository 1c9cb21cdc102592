import { RelearnError } from '@relearn/kernel';
import type { Blobs } from '@relearn/blobs';
import type { ModelRef, Ports } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import type { ModelSignature } from '../inference/tensors.js';

export interface BundleManifest {
  readonly files: Readonly<Record<string, string>>;
}

/** Where bundles are read, and where it is said how that went. */
export interface BundleSource extends Pick<Ports, 'telemetry'> {
  readonly blobs: Pick<Blobs, 'get'>;
}

/** Loads the model of a bundle under the name: fetched, verified by digest, held to its signature, tried. */
export async function loadBundle(
  { blobs }: Pick<BundleSource, 'blobs'>,
  host: ModelHost,
  name: string,
  { model, bundle }: ModelRef,
): Promise<void> {
  const readJson = async <T>(digest: string) => JSON.parse(Buffer.from(await blobs.get(digest)).toString('utf8')) as T;
  const { files } = await readJson<BundleManifest>(bundle);
  const [onnx, signature] = [files['model.onnx'], files['signature.json']];
  if (onnx === undefined || signature === undefined) throw new RelearnError('CORRUPT', `bundle ${bundle} is not whole`);
  const bytes = await blobs.get(onnx);
  await host.load(name, model, bytes, await readJson<ModelSignature>(signature), { digest: onnx });
}
