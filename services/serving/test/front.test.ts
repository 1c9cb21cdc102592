import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '@relearn/blobs';
import { openFolderBlobs } from '@relearn/blobs/folder';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import { type Signer, type ReadTrust, writeBundle } from '@relearn/bundles';
import { systemKernel } from '@relearn/kernel';
import type { Catalog, InForce, ModelRef, PlainModels } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSigner, trustIn } from '../../../libs/bundles/test/keys.js';
import { BundleCache } from '../src/cache/bundle-cache.js';
import { ServingFront } from '../src/front.js';
import { linearModel } from './models.js';

let folder: string;
let remote: Blobs;
let front: ServingFront | undefined;
let kept: Blobs;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-front-'));
  remote = createMemoryBlobs();
});

afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  await front?.stop();
  await kept?.close();
  front = undefined;
}

const base = { kernel: systemKernel, telemetry: silentTelemetry() };

/** A process on the folder; with the platform's blobs only where it is told so. */
async function open({ connected, trust }: { connected: boolean; trust?: ReadTrust }): Promise<ServingFront> {
  await stop();
  kept = await openFolderBlobs(join(folder, 'blobs'), { durable: false });
  const opened = new ServingFront(base, { cache: new BundleCache(folder, kept, base.telemetry), trust });
  front = opened;
  if (connected) opened.connect(remote);
  await opened.start();
  return opened;
}

/** A bundle whose model answers 2 a + 3 b + offset. */
async function bundleOf(model: number, offset: number): Promise<ModelRef> {
  return { model, bundle: await writeBundle(remote, 'flights', await filesOf(offset), undefined) };
}

async function filesOf(offset: number): Promise<Record<string, string>> {
  const put = (value: unknown) => remote.put(Buffer.from(JSON.stringify(value)));
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] });
  return {
    'model.onnx': await remote.put(linearModel(offset).onnx),
    'signature.json': await put({ inputs: [tensor('a'), tensor('b')], outputs: [tensor('score')] }),
    'reference.json': await put({ offset }),
  };
}

interface Known {
  readonly inForce?: Readonly<Record<string, InForce>>;
  readonly plain?: Readonly<Record<string, PlainModels>>;
}

/** What the control log would say. */
function catalogOf({ inForce = {}, plain = {} }: Known): Catalog {
  const bundles = (name: string) => {
    const { champion, frozen } = inForce[name] ?? { champion: undefined, frozen: null };
    return [champion, frozen, ...(plain[name]?.versions ?? [])].filter((ref) => ref !== undefined && ref !== null);
  };
  const some = {
    inForce: (name: string) => inForce[name],
    plain: (name: string) => plain[name],
    bundle: (name: string, model: number) => bundles(name).find((ref) => ref.model === model)?.bundle,
  };
  // The front asks for no more than these.
  return some as unknown as Catalog;
}

const move = (champion: ModelRef, position: number, frozen: ModelRef | null = null): InForce => ({
  champion,
  frozen,
  position,
  event: `e${position}`,
});

async function scoreOf(name: string, version = ''): Promise<unknown> {
  const answer = await front?.host.run(name, version === '' ? null : Number(version), { a: [1], b: [1] });
  return answer?.[0]?.values[0];
}

describe('the bundle cache', () => {
  it('lets a process answer after its restart while the platform is away, with all that was in force', async () => {
    const [first, second] = [await bundleOf(1, 0), await bundleOf(2, 100)];
    const catalog = catalogOf({
      inForce: { flights: move(second, 7, first) },
      plain: { lr: { versions: [first, second], champion: first } },
    });
    const before = await open({ connected: true });
    for (const name of ['flights', 'lr']) expect(await before.follow(catalog, name)).toBe(true);

    const after = await open({ connected: false });
    expect(after.serves).toBe(true);
    expect([await scoreOf('flights'), await scoreOf('flights', '1')]).toEqual([105, 5]);
    expect([await scoreOf('lr'), await scoreOf('lr', '2')]).toEqual([5, 105]);
    expect(after.host.defaultOf('flights')).toBe(2);
    expect(() => after.host.resolve('flights', '1')).toThrow(/not found/);
    // It goes on where it was when the platform is back.
    after.connect(remote);
    await after.reconcile(catalog);
    const third = await bundleOf(3, 200);
    await after.follow(catalogOf({ inForce: { flights: move(third, 9, first) } }), 'flights');
    expect(await scoreOf('flights')).toBe(205);
  });

  it('holds what is in force and nothing older', async () => {
    const opened = await open({ connected: true });
    const first = await bundleOf(1, 0);
    for (let model = 2; model < 8; model++) {
      const catalog = catalogOf({ inForce: { flights: move(await bundleOf(model, model), model, first) } });
      await opened.follow(catalog, 'flights');
    }
    // Manifest and graph of two models, which share a signature.
    expect(await kept.list({ limit: 100 })).toHaveLength(5);
    await open({ connected: false });
    expect(await scoreOf('flights')).toBe(12);
  });

  it('never loads bytes that are not what their digest says, and mends them when it can', async () => {
    const only = await bundleOf(1, 0);
    const catalog = catalogOf({ inForce: { flights: move(only, 1) } });
    await (await open({ connected: true })).follow(catalog, 'flights');
    const { digest } = linearModel(0);
    const path = join(folder, 'blobs', digest.slice(0, 2), digest.slice(2, 4), digest);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(path, bytes);

    const after = await open({ connected: false });
    expect(after.serves).toBe(false);
    after.connect(remote);
    await after.follow(catalog, 'flights');
    expect(await scoreOf('flights')).toBe(5);
    await open({ connected: false });
    expect(await scoreOf('flights')).toBe(5);
  });

  it('begins anew where its note is not what it wrote', async () => {
    const catalog = catalogOf({ inForce: { flights: move(await bundleOf(1, 0), 1) } });
    await (await open({ connected: true })).follow(catalog, 'flights');
    const note = join(folder, 'deployments.json');
    await writeFile(note, (await readFile(note, 'utf8')).replace('flights', 'fliGhts'));
    const after = await open({ connected: true });
    expect(after.serves).toBe(false);
    await after.follow(catalog, 'flights');
    expect(await scoreOf('flights')).toBe(5);
  });

  it('lets go of names that the log does not know, or knows as something else', async () => {
    const [mine, other] = [await bundleOf(1, 0), await bundleOf(1, 100)];
    const before = catalogOf({ inForce: { flights: move(mine, 5), gone: move(mine, 6) } });
    const opened = await open({ connected: true });
    for (const name of ['flights', 'gone']) await opened.follow(before, name);

    const after = await open({ connected: true });
    const now = catalogOf({ inForce: { flights: move(other, 2) } });
    await after.reconcile(now);
    expect(after.host.list()).toEqual([]);
    await after.follow(now, 'flights');
    expect(await scoreOf('flights')).toBe(105);
    await expect(scoreOf('gone')).rejects.toThrow(/not found/);
  });
});

describe('where signatures are asked for', () => {
  const signer = newSigner();
  const trust = () => trustIn([signer.publicKey]);

  /** With a gate record, where it has a verdict. */
  async function evaluated(model: number, verdict: string | null, by: Signer | undefined, name = 'flights') {
    const record = await remote.put(Buffer.from(JSON.stringify({ verdict })));
    const gates: Record<string, string> = verdict === null ? {} : { 'evaluation.json': record };
    return { model, bundle: await writeBundle(remote, name, { ...(await filesOf(model)), ...gates }, by) };
  }

  it('a champion that is signed and has passed its gates answers, after a restart without the platform, too', async () => {
    const catalog = catalogOf({ inForce: { flights: move(await evaluated(1, 'passed', signer), 1) } });
    await (await open({ connected: true, trust })).follow(catalog, 'flights');
    expect(await scoreOf('flights')).toBe(6);
    await open({ connected: false, trust });
    expect(await scoreOf('flights')).toBe(6);
  });

  it.each<[string, () => Promise<ModelRef>, RegExp]>([
    ['that nobody has signed', () => evaluated(2, 'passed', undefined), /it is not signed/],
    ['signed by a stranger', () => evaluated(2, 'passed', newSigner()), /not trusted/],
    ['signed for another name', () => evaluated(2, 'passed', signer, 'orders'), /signed as the model of 'orders'/],
    ['that its own gate record rejects', () => evaluated(2, 'rejected', signer), /its gate record says rejected/],
    ['without a gate record', () => evaluated(2, null, signer), /lacks evaluation.json/],
  ])('one %s is refused, and the one before it goes on', async (_, made, reason) => {
    const opened = await open({ connected: true, trust });
    await opened.follow(catalogOf({ inForce: { flights: move(await evaluated(1, 'passed', signer), 1) } }), 'flights');
    const bad = await made();
    await expect(opened.follow(catalogOf({ inForce: { flights: move(bad, 2) } }), 'flights')).rejects.toThrow(reason);
    expect(await scoreOf('flights')).toBe(6);
  });

  it('a model that no pipeline owns needs no gate record', async () => {
    const only = await evaluated(1, null, signer, 'lr');
    const opened = await open({ connected: true, trust });
    await opened.follow(catalogOf({ plain: { lr: { versions: [only], champion: only } } }), 'lr');
    expect(await scoreOf('lr')).toBe(6);
  });

  it('a frozen model that is refused keeps nobody from the champion, after a restart neither', async () => {
    const frozen = await evaluated(1, 'passed', newSigner());
    const catalog = catalogOf({ inForce: { flights: move(await evaluated(2, 'passed', signer), 2, frozen) } });
    await (await open({ connected: true, trust })).follow(catalog, 'flights');
    expect(await scoreOf('flights')).toBe(7);
    const again = await open({ connected: false, trust });
    expect(await scoreOf('flights')).toBe(7);
    await again.pipelines.hold('flights', 0, move(await evaluated(2, 'passed', signer), 2, frozen));
    expect(again.host.holds('flights', 1)).toBe(false);
  });

  it('what answers stays, however many champions are refused after it', async () => {
    const first = await evaluated(1, null, signer, 'lr');
    const [second, third] = [await evaluated(2, null, undefined, 'lr'), await evaluated(3, null, undefined, 'lr')];
    const opened = await open({ connected: true, trust });
    await opened.follow(catalogOf({ plain: { lr: { versions: [first], champion: first } } }), 'lr');
    for (const [champion, former] of [
      [second, first],
      [third, second],
    ] as const) {
      const plain = { lr: { versions: [second, third], champion, former } };
      await expect(opened.follow(catalogOf({ plain }), 'lr')).rejects.toThrow(/it is not signed/);
      expect(await scoreOf('lr')).toBe(6);
    }
  });

  it('a bundle that its own gate record rejects does not answer as one that was registered by hand', async () => {
    const rejected = await evaluated(1, 'rejected', signer, 'lr');
    const opened = await open({ connected: true, trust });
    const plain = { lr: { versions: [rejected], champion: rejected } };
    await expect(opened.follow(catalogOf({ plain }), 'lr')).rejects.toThrow(/its gate record says rejected/);
  });
});
