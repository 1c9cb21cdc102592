import { type Bundle, readBundle, signatureFile } from '@relearn/bundles';
import { canonicalJson, RelearnError } from '@relearn/kernel';
import type { ConsoleDeps } from '../deps.js';
import type { Call, Route } from './route.js';
import { boolean, object, record, text } from './schemas.js';

const path = '/models/{name}/versions/{model}/bundle';

/** The files of any registered version, of a pipeline or of a model that none owns. */
export function bundleRoutes({ ports }: Pick<ConsoleDeps, 'ports'>): readonly Route[] {
  const { blobs, catalog } = ports;
  const find = async ({ params }: Call): Promise<{ digest: string; bundle: Bundle }> => {
    const { name = '', model = '' } = params;
    const digest = catalog.bundle(name, Number(model));
    if (digest === undefined) throw new RelearnError('NOT_FOUND', `'${name}' has no version ${model}`);
    return { digest, bundle: await readBundle(blobs, digest) };
  };
  return [
    {
      method: 'GET',
      path,
      operation: 'getBundle',
      summary: `The files of a model version by their SHA-256; where it is signed there is ${signatureFile}, too.`,
      answer: object({ bundle: text, files: record(text), signed: boolean }),
      async handle(call) {
        const { digest, bundle } = await find(call);
        return { bundle: digest, files: bundle.files, signed: bundle.signature !== undefined };
      },
    },
    {
      method: 'GET',
      path: `${path}/{file}`,
      operation: 'getBundleFile',
      summary: 'A file of a model version.',
      answer: 'file',
      async handle(call) {
        const { file = '' } = call.params;
        const { bundle } = await find(call);
        if (file === signatureFile && bundle.signature !== undefined)
          return Buffer.from(canonicalJson(bundle.signature));
        const digest = Object.hasOwn(bundle.files, file) ? bundle.files[file] : undefined;
        if (digest === undefined) throw new RelearnError('NOT_FOUND', `the version has no file '${file}'`);
        return Buffer.from(await blobs.get(digest));
      },
    },
  ];
}
