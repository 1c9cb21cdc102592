import { fileOf, mustTrust, readBundle, type ReadTrust } from '@relearn/bundles';
import { RelearnError } from '@relearn/kernel';
import type { Blobs } from '@relearn/blobs';
import type { ModelRef, Ports } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import type { ModelSignature } from '../inference/tensors.js';

/** Where bundles are read, whose are taken, and where it is said how that went. */
export interface BundleSource extends Pick<Ports, 'telemetry'> {
  readonly blobs: Pick<Blobs, 'get'>;
  /** Absent: nobody's signature is asked for. */
  readonly trust?: ReadTrust | undefined;
}

/** What lets a model answer: gates that it has passed, or the record of who registered it by hand. */
export type Evidence = 'gates' | 'manual';

const modelFile = 'model.onnx';
const tensorsFile = 'signature.json';
const gatesFile = 'evaluation.json';

/** The files of a bundle that are read to load it; not all are in every one. */
export const loadedFiles: readonly string[] = [modelFile, tensorsFile, gatesFile];

/**
 * Loads the model of a bundle under the name: fetched, verified by digest and by who signed it, held to its signature of
 * tensors, tried. Throws REFUSED, saying why, for one that may not answer.
 */
export async function loadBundle(
  { blobs, trust }: Pick<BundleSource, 'blobs' | 'trust'>,
  host: ModelHost,
  name: string,
  { model, bundle: digest }: ModelRef,
  evidence: Evidence,
): Promise<void> {
  const readJson = async <T>(file: string) => JSON.parse(Buffer.from(await blobs.get(file)).toString('utf8')) as T;
  const bundle = await readBundle(blobs, digest);
  if (trust !== undefined) {
    mustTrust(trust(), name, digest, bundle);
    const judged = evidence === 'gates' || bundle.files[gatesFile] !== undefined;
    if (judged) mustHavePassed(digest, await readJson(fileOf(digest, bundle, gatesFile)));
  }
  const onnx = fileOf(digest, bundle, modelFile);
  const tensors = await readJson<ModelSignature>(fileOf(digest, bundle, tensorsFile));
  await host.load(name, model, await blobs.get(onnx), tensors, { digest: onnx });
}

/** The gate record that was signed with the model, whatever events say of it: also those that call it registered by hand. */
function mustHavePassed(digest: string, { verdict }: { readonly verdict?: unknown }): void {
  if (verdict === 'passed') return;
  throw new RelearnError('REFUSED', `bundle ${digest} is refused: its gate record says ${String(verdict)}`);
}
