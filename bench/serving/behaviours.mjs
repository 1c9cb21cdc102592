// What serving does beside being fast, each as a ratio with what it is to be: one client with batching on and off, large tensors,
// health while all workers are busy, swaps under requests, overload. It needs nothing but Linux's /proc and pgrep; the callers
// are on the same cores as the server.
//
//   npm run build && node bench/serving/behaviours.mjs [--only one-client,large-tensor,saturated,swaps,overload]
//     [--rounds 3] [--seconds 3] [--swaps 1000] [--generator PATH, as of run.mjs: sends the large tensors]
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { largeTensor } from './behaviours/large-tensor.mjs';
import { oneClient } from './behaviours/one-client.mjs';
import { overload } from './behaviours/overload.mjs';
import { saturated } from './behaviours/saturated.mjs';
import { swaps } from './behaviours/swaps.mjs';
import { digits } from './figures.mjs';

const behaviours = { 'one-client': oneClient, 'large-tensor': largeTensor, saturated, swaps, overload };
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(behaviours).join(',') },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    swaps: { type: 'string', default: '1000' },
    generator: { type: 'string' },
  },
});
const folder = await mkdtemp(join(tmpdir(), 'relearn-behaviours-'));
const { generator } = values;
const counts = { rounds: Number(values.rounds), seconds: Number(values.seconds), swaps: Number(values.swaps) };
const options = { ...counts, generator, folder };
try {
  for (const name of values.only.split(',')) {
    const behaviour = behaviours[name];
    if (behaviour === undefined)
      throw new Error(`there is no '${name}'; there are: ${Object.keys(behaviours).join(', ')}`);
    const load = { before: digits(loadavg()[0]) };
    const told = await behaviour(options);
    const machine = {
      cores: availableParallelism(),
      node: process.version,
      load: { ...load, after: digits(loadavg()[0]) },
    };
    process.stdout.write(`${JSON.stringify({ behaviour: name, ...told, machine }, null, 1)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
