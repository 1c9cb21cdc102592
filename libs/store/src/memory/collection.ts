import { compareIds, decodeBody } from '../core/documents.js';
import { otherVersion, takenId, takenValue, type UniqueValue, uniqueValues } from '../core/unique.js';
import type { CollectionSpec, Document, ListOptions } from '../port.js';

interface Kept {
  readonly version: number;
  readonly text: string;
}

/** One collection: documents as JSON text, so that nobody shares objects with it. */
export class MemoryCollection {
  readonly name: string;
  private paths: readonly string[] = [];
  private readonly documents = new Map<string, Kept>();
  /** The id that holds a value, by path and value. */
  private holders = new Map<string, string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Sets the unique paths once the answer is called; ALREADY_EXISTS before that when documents share a value. */
  declare({ unique = [] }: CollectionSpec): () => void {
    const holders = new Map<string, string>();
    for (const [id, { text }] of this.documents) {
      for (const entry of uniqueValues(unique, decodeBody(text))) {
        const holder = holders.get(keyOf(entry));
        if (holder !== undefined) throw takenValue(this.name, entry, holder);
        holders.set(keyOf(entry), id);
      }
    }
    return () => {
      this.paths = unique;
      this.holders = holders;
    };
  }

  get(id: string): Document | null {
    const kept = this.documents.get(id);
    return kept === undefined ? null : { id, version: kept.version, body: decodeBody(kept.text) };
  }

  create(id: string, text: string): number {
    if (this.documents.has(id)) throw takenId(this.name, id);
    return this.write(id, 1, text);
  }

  replace(id: string, version: number, text: string): number {
    const kept = this.documents.get(id);
    if (kept?.version !== version) throw otherVersion(this.name, id, version, kept?.version ?? null);
    return this.write(id, version + 1, text);
  }

  put(id: string, text: string): number {
    return this.write(id, (this.documents.get(id)?.version ?? 0) + 1, text);
  }

  remove(id: string): void {
    this.release(id);
    this.documents.delete(id);
  }

  list({ prefix = '', after, limit }: ListOptions): Document[] {
    const ids = [...this.documents.keys()].filter(
      (id) => id.startsWith(prefix) && (after === undefined || compareIds(id, after) > 0),
    );
    return ids
      .sort(compareIds)
      .slice(0, limit)
      .flatMap((id) => this.get(id) ?? []);
  }

  private write(id: string, version: number, text: string): number {
    const values = this.paths.length === 0 ? [] : uniqueValues(this.paths, decodeBody(text));
    for (const entry of values) {
      const holder = this.holders.get(keyOf(entry));
      if (holder !== undefined && holder !== id) throw takenValue(this.name, entry, holder);
    }
    this.release(id);
    for (const entry of values) this.holders.set(keyOf(entry), id);
    this.documents.set(id, { version, text });
    return version;
  }

  private release(id: string): void {
    const kept = this.documents.get(id);
    if (kept === undefined || this.paths.length === 0) return;
    for (const entry of uniqueValues(this.paths, decodeBody(kept.text))) this.holders.delete(keyOf(entry));
  }
}

function keyOf({ path, value }: UniqueValue): string {
  return `${path} ${value}`;
}
