import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Blobs } from '@relearn/blobs';
import { readBundle } from '@relearn/bundles';
import { canonicalJson, RelearnError, sha256 } from '@relearn/kernel';
import type { InForce, ModelRef, PlainModels } from '@relearn/runtime';
import type { Telemetry } from '@relearn/telemetry';
import { loadedFiles } from '../handlers/load-bundle.js';

/** What answered under a name when it was last looked at: of a pipeline, or of a model that no pipeline owns. */
export type Remembered = { readonly inForce: InForce } | { readonly plain: PlainModels };

/** Every version that it names. */
export function versionsIn(remembered: Remembered): readonly ModelRef[] {
  const { champion, frozen, challenger } =
    'inForce' in remembered ? remembered.inForce : { ...remembered.plain, frozen: null, challenger: undefined };
  const rest = 'plain' in remembered ? [...remembered.plain.versions, remembered.plain.former] : [];
  return [champion, frozen, challenger, ...rest].filter((ref): ref is ModelRef => ref !== undefined && ref !== null);
}

const file = 'deployments.json';
const pageSize = 500;

/**
 * A folder of this process with the bundles that are in force and what they are in force for: with it the endpoint answers
 * while everything else is away, also after its own restart. Holds what is loaded, and nothing older.
 */
export class BundleCache {
  private readonly folder: string;
  private readonly kept: Blobs;
  private readonly telemetry: Telemetry;
  private readonly remembered = new Map<string, Remembered>();
  private remote: Pick<Blobs, 'get'> | null = null;
  private turn: Promise<void> = Promise.resolve();

  /** `kept` are blobs in a folder of this process. */
  constructor(folder: string, kept: Blobs, telemetry: Telemetry) {
    this.folder = folder;
    this.kept = kept;
    this.telemetry = telemetry;
  }

  /** What an earlier process knew; nothing where there was none, or where its note cannot be read. */
  open(): ReadonlyMap<string, Remembered> {
    mkdirSync(this.folder, { recursive: true });
    try {
      const { digest, names } = JSON.parse(readFileSync(join(this.folder, file), 'utf8')) as Note;
      if (sha256(JSON.stringify(names)) !== digest)
        throw new RelearnError('CORRUPT', `${file} is not what was written`);
      for (const [name, remembered] of Object.entries(names)) this.remembered.set(name, remembered);
    } catch (thrown) {
      const { code, message } = RelearnError.from(thrown);
      if (code !== 'NOT_FOUND') this.telemetry.log.warn({ code }, `the bundle cache begins anew: ${message}`);
    }
    return this.remembered;
  }

  /** From now on what is not here is fetched from there. */
  connect(remote: Pick<Blobs, 'get'>): void {
    this.remote = remote;
  }

  /** A blob of a bundle, whole and as its digest says, and kept here. Throws UNAVAILABLE where it is nowhere to be had. */
  readonly blobs: Pick<Blobs, 'get'> = {
    get: async (digest) => {
      try {
        return await this.kept.get(digest);
      } catch (thrown) {
        const { code, message } = RelearnError.from(thrown);
        if (code !== 'NOT_FOUND') this.telemetry.log.warn({ code }, `the bundle cache lacks ${digest}: ${message}`);
        if (code === 'CORRUPT') await this.kept.remove(digest);
      }
      if (this.remote === null) throw new RelearnError('UNAVAILABLE', `${digest} is not in the bundle cache`);
      const bytes = await this.remote.get(digest);
      await this.trying(() => this.kept.put(bytes));
      return bytes;
    },
  };

  /** Notes what answers under the name now, and lets go of what no name needs any more. */
  async remember(name: string, remembered: Remembered): Promise<void> {
    if (canonicalJson(this.remembered.get(name) ?? null) === canonicalJson(remembered)) return;
    this.remembered.set(name, remembered);
    await this.note();
  }

  forget(name: string): Promise<void> {
    this.remembered.delete(name);
    return this.note();
  }

  /** One after another: each writes all that is known then. */
  private note(): Promise<void> {
    this.turn = this.turn.then(() =>
      this.trying(async () => {
        await this.prune(await this.holdAll());
        this.write();
      }),
    );
    return this.turn;
  }

  private write(): void {
    const names = Object.fromEntries(this.remembered);
    const note: Note = { digest: sha256(JSON.stringify(names)), names };
    const path = join(this.folder, file);
    writeFileSync(`${path}.new`, JSON.stringify(note), { flush: true });
    renameSync(`${path}.new`, path);
  }

  /** Fetches what is missing of what is in force; answers the digests of all of it. */
  private async holdAll(): Promise<ReadonlySet<string>> {
    const held = new Set<string>();
    for (const { bundle } of [...this.remembered.values()].flatMap(versionsIn)) {
      if (held.has(bundle)) continue;
      const { files } = await readBundle(this.blobs, bundle);
      for (const digest of loadedFiles.map((file) => files[file])) {
        if (digest === undefined) continue;
        if (!(await this.kept.has(digest))) await this.blobs.get(digest);
        held.add(digest);
      }
      held.add(bundle);
    }
    return held;
  }

  private async prune(needed: ReadonlySet<string>): Promise<void> {
    for (let after: string | undefined; ; ) {
      const page = await this.kept.list({ limit: pageSize, ...(after === undefined ? {} : { after }) });
      for (const digest of page) if (!needed.has(digest)) await this.kept.remove(digest);
      after = page.at(-1);
      if (page.length < pageSize) return;
    }
  }

  /** The cache serves for bad times: what is wrong with it must not bring them. */
  private async trying(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const { code, message } = RelearnError.from(thrown);
      this.telemetry.log.warn({ code }, `the bundle cache cannot be written: ${message}`);
    }
  }
}

interface Note {
  readonly digest: string;
  readonly names: Readonly<Record<string, Remembered>>;
}
