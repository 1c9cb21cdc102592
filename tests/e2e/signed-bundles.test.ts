import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBundle, signatureIn, whyDistrusted } from '@relearn/bundles';
import { sha256 } from '@relearn/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../apps/cli/test/run.js';
import { trustIn } from '../../libs/bundles/test/keys.js';
import { linearModel } from '../../services/serving/test/models.js';
import { get } from './wire.js';
import { eventually, startWorld, temporaryFolder, type World } from './world.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: World;
const keys = () => join(folder.path, 'data', 'keys');

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, 'plus-0.onnx'), linearModel(0).onnx);
  await start();
});

afterAll(async () => {
  await world.stop();
  await folder.remove();
});

async function start(): Promise<void> {
  world = await startWorld({ folder: join(folder.path, 'data') });
}

async function restart(meanwhile: () => Promise<void>): Promise<void> {
  await world.stop();
  await meanwhile();
  await start();
}

function relearn(...argv: string[]) {
  return run(folder.path, argv, { RELEARN_URL: world.platform.url });
}

async function answers(version: number): Promise<boolean> {
  return (await get(`${world.platform.url}/v2/models/score/versions/${version}/ready`)).status === 200;
}

async function publicKeys(): Promise<string[]> {
  const names = (await readdir(join(keys(), 'trusted'))).filter((name) => name.endsWith('.pem'));
  return Promise.all(names.map((name) => readFile(join(keys(), 'trusted', name), 'utf8')));
}

test('a new data folder has a key, and what is registered is signed by it', async () => {
  expect((await relearn('models', 'register', 'score', 'plus-0.onnx', '--alias', 'champion')).code).toBe(0);
  const { blobs, catalog } = world.platform.ports;
  const digest = catalog.bundle('score', 1) ?? '';
  const trust = trustIn(await publicKeys());
  expect(whyDistrusted(trust, 'score', digest, await readBundle(blobs, digest))).toBeNull();
});

test('its files can be had, with the signature over all of them', async () => {
  const exported = await relearn('models', 'export', 'score', '1', '--out', 'out', '--json');
  expect(exported).toMatchObject({ code: 0, err: '' });
  const out = join(folder.path, 'out');
  expect((await readdir(out)).sort()).toEqual(['lineage.json', 'model.onnx', 'model.sig', 'signature.json']);
  const signature = signatureIn(JSON.parse(await readFile(join(out, 'model.sig'), 'utf8')));
  if (signature === null) throw new Error('the signature cannot be read');
  const files: Record<string, string> = {};
  for (const name of ['lineage.json', 'model.onnx', 'signature.json'])
    files[name] = sha256(await readFile(join(out, name)));
  expect(whyDistrusted(trustIn(await publicKeys()), 'score', '', { files, signature })).toBeNull();
  expect(await relearn('models', 'export', 'score', '1', '--out', 'out')).toMatchObject({ code: 2 });
  expect(await relearn('models', 'export', 'score', '7', '--out', 'other')).toMatchObject({ code: 2 });
});

test('a folder without keys gets them: what was there goes on answering, what comes is signed', async () => {
  await restart(() => rm(keys(), { recursive: true }));
  await eventually('version 1', () => answers(1));
  expect((await relearn('models', 'register', 'score', 'plus-0.onnx')).code).toBe(0);
});

test('what is neither signed nor exempt any more does not answer after a restart', async () => {
  await restart(() => writeFile(join(keys(), 'trusted', 'bundles.txt'), ''));
  await eventually('version 2', () => answers(2));
  expect(await answers(1)).toBe(false);
});
