import { RelearnError } from '@relearn/kernel';
import type { Challenger } from '@relearn/runtime';
import type { BatchTarget } from './batcher.js';
import type { ModelFigures } from './figures.js';
import { refusals } from './refusals.js';
import type { ModelSignature } from './tensors.js';

export type ModelState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';

/** One loaded version as requests see it. */
export interface ServedModel extends BatchTarget {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  /** Places in the signature by name. */
  readonly inputAt: ReadonlyMap<string, number>;
  readonly outputAt: ReadonlyMap<string, number>;
  readonly figures: ModelFigures;
}

/** A version with what becomes of it. */
export interface ModelEntry {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly session: number;
  state: ModelState;
  /** Why it is unavailable. */
  reason: string;
  /** May requests have it? */
  offered: boolean;
  served: ServedModel | undefined;
  loading: Promise<ModelSignature> | undefined;
  inFlight: number;
  drained: (() => void) | undefined;
}

export interface ModelListing {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly state: ModelState;
  readonly reason: string;
  /** May requests have it? */
  readonly offered: boolean;
}

/** What a version did for requests. */
export interface FiguresOfVersion {
  readonly name: string;
  readonly version: string;
  readonly figures: ModelFigures;
}

/** So many are remembered for whoever reads figures; nobody may. */
const mostDeparted = 100;

/** Which versions there are, and which one answers requests that name none. */
export class Catalogue {
  private readonly models = new Map<string, Map<number, ModelEntry>>();
  private readonly defaults = new Map<string, number>();
  private readonly challengers = new Map<string, Challenger>();
  /** Of versions that are no more, those that nobody has asked for since. */
  private departed: FiguresOfVersion[] = [];
  private nextSession = 1;

  enter(name: string, version: number, digest: string): ModelEntry {
    const entry: ModelEntry = {
      name,
      version,
      digest,
      session: this.nextSession++,
      state: 'LOADING',
      reason: '',
      offered: true,
      served: undefined,
      loading: undefined,
      inFlight: 0,
      drained: undefined,
    };
    const versions = this.models.get(name) ?? new Map<number, ModelEntry>();
    versions.set(version, entry);
    this.models.set(name, versions);
    return entry;
  }

  find(name: string, version: number): ModelEntry | undefined {
    return this.models.get(name)?.get(version);
  }

  ofSession(session: number): ModelEntry | undefined {
    return this.entries().find((entry) => entry.session === session);
  }

  private entries(): ModelEntry[] {
    return [...this.models.values()].flatMap((versions) => [...versions.values()]);
  }

  remove({ name, version, served }: ModelEntry): void {
    if (served !== undefined) this.departed.push(figuresOf(served));
    if (this.departed.length > mostDeparted) this.departed.shift();
    const versions = this.models.get(name);
    versions?.delete(version);
    if (versions?.size === 0) this.models.delete(name);
  }

  setDefault(name: string, version: number | null): void {
    if (version === null) {
      this.defaults.delete(name);
      return;
    }
    const entry = this.find(name, version);
    if (entry?.state !== 'READY' || !entry.offered) {
      throw new RelearnError('REFUSED', `model '${name}' version ${version} is not ready to answer requests`);
    }
    this.defaults.set(name, version);
  }

  defaultOf(name: string): number | undefined {
    return this.defaults.get(name);
  }

  setChallenger(name: string, challenger: Challenger | null): void {
    if (challenger === null) this.challengers.delete(name);
    else this.challengers.set(name, challenger);
  }

  challengerOf(name: string): Challenger | undefined {
    return this.challengers.get(name);
  }

  setOffered(name: string, version: number, offered: boolean): void {
    const entry = this.find(name, version);
    if (entry === undefined) throw refusals.unknownVersion(name, String(version));
    entry.offered = offered;
    if (!offered) this.withdraw(entry);
  }

  /** It answers requests without a version no longer. */
  withdraw({ name, version }: ModelEntry): void {
    if (this.defaults.get(name) === version) this.defaults.delete(name);
  }

  served(): readonly (FiguresOfVersion & { readonly pending: number })[] {
    return this.entries().flatMap(({ served, inFlight: pending }) =>
      served === undefined ? [] : [{ ...figuresOf(served), pending }],
    );
  }

  takeDeparted(): readonly FiguresOfVersion[] {
    const { departed } = this;
    this.departed = [];
    return departed;
  }

  list(): readonly ModelListing[] {
    return this.entries().map(({ name, version, digest, state, reason, offered }) => ({
      name,
      version,
      digest,
      state,
      reason,
      offered,
    }));
  }

  versionsOf(name: string): readonly string[] {
    const versions = this.models.get(name);
    if (versions === undefined) throw refusals.unknownModel(name);
    const ready = [...versions.values()].filter(({ state, offered }) => state === 'READY' && offered);
    const numbers = ready.map(({ version }) => version);
    return numbers.sort((a, b) => a - b).map(String);
  }

  /** For a request; the version as its text says. */
  resolve(name: string, version: string): ServedModel {
    const labelled = version === 'challenger' ? this.challengers.get(name)?.model : undefined;
    const wanted = labelled ?? versionNumber(version === 'champion' ? '' : version);
    if (!this.models.has(name)) throw refusals.unknownModel(name);
    const number = wanted ?? this.defaults.get(name);
    if (number === undefined) throw refusals.noVersion(name);
    const entry = this.find(name, number);
    if (entry === undefined || !entry.offered) {
      // Beyond 2^53 the text is exact and the number is not.
      throw refusals.unknownVersion(name, Number.isSafeInteger(number) ? String(number) : version);
    }
    return readyOf(entry);
  }

  /** For a stream batch, which may have a version that is not offered. */
  resolveForStream(name: string, version: number | null): ServedModel {
    if (version === null) return this.resolve(name, '');
    if (!this.models.has(name)) throw refusals.unknownModel(name);
    const entry = this.find(name, version);
    if (entry === undefined) throw refusals.unknownVersion(name, String(version));
    return readyOf(entry);
  }
}

function readyOf({ name, version, state, served }: ModelEntry): ServedModel {
  if (state !== 'READY' || served === undefined) throw refusals.notReady(name, String(version));
  return served;
}

/** The number of a version's text; undefined for an empty one. Throws INVALID_INPUT for what is no version. */
export function versionNumber(text: string): number | undefined {
  if (text === '') return undefined;
  if (/^-\d{1,18}$/.test(text)) throw refusals.negativeVersion(text);
  if (!/^\d{1,19}$/.test(text) || BigInt(text) >= 2n ** 63n) throw refusals.badVersion(text);
  return Number(text);
}

function figuresOf({ name, version, figures }: ServedModel): FiguresOfVersion {
  return { name, version, figures };
}
