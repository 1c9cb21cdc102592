import { sha256 } from '@relearn/kernel';
import { part } from './part.js';

/** By name the SHA-256 of each file, in hex. */
export type BundleFiles = Readonly<Record<string, string>>;

interface Resource {
  readonly name: string;
  readonly algorithm: 'sha256';
  readonly digest: string;
}

/** What is signed: an in-toto Statement v1 with the predicate of OpenSSF Model Signing 1.0. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly [{ readonly name: string; readonly digest: { readonly sha256: string } }];
  readonly predicateType: 'https://model_signing/signature/v1.0';
  readonly predicate: {
    readonly serialization: {
      readonly method: 'files';
      readonly hash_type: 'sha256';
      readonly allow_symlinks: false;
      readonly ignore_paths: readonly string[];
    };
    readonly resources: readonly Resource[];
  };
}

/** The file of a signature beside those that it signs, as the tools of OpenSSF Model Signing name it. */
export const signatureFile = 'model.sig';

/** The statement that these files are the model of that name. Its subject's digest is over all files' digests, in their order. */
export function statementOf(name: string, files: BundleFiles): Statement {
  const resources = resourcesOf(files);
  const digests = Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex')));
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: sha256(digests) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [signatureFile] },
      resources,
    },
  };
}

function resourcesOf(files: BundleFiles): Resource[] {
  return Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, digest]) => ({ name, algorithm: 'sha256', digest }));
}

/** The name and the files that a statement of this kind is about; null for everything else. Whose it is must be known. */
export function readStatement(text: string): { readonly name: string; readonly files: BundleFiles } | null {
  const statement: unknown = JSON.parse(text);
  const { _type, predicateType } = statementOf('', {});
  const [subjects, resources] = [part(statement, 'subject'), part(part(statement, 'predicate'), 'resources')];
  if (part(statement, '_type') !== _type || part(statement, 'predicateType') !== predicateType) return null;
  if (!Array.isArray(subjects) || subjects.length !== 1 || !Array.isArray(resources)) return null;
  const name = part(subjects[0], 'name');
  const files = resources.map((resource) => [part(resource, 'name'), part(resource, 'digest')] as const);
  if (typeof name !== 'string' || resources.some((resource) => part(resource, 'algorithm') !== 'sha256')) return null;
  const texts = files.filter((file): file is [string, string] => file.every((field) => typeof field === 'string'));
  return texts.length === resources.length ? { name, files: Object.fromEntries(texts) } : null;
}
