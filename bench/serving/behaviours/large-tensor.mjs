import { callerAt, inferRequest, methods, untilReady } from '../caller.mjs';
import { cpuSeconds, spread } from '../figures.mjs';
import { generated, untilGenerated } from '../generator.mjs';
import { meanOf, modelFile } from '../models.mjs';
import { besideAll, serversOf } from '../servers.mjs';
import { inFlightFor } from './rate.mjs';

const width = 150_000;
const inFlight = [1, 8, 64];

/**
 * Tensors of 600 kB on one connection: the platform with everything on against grpc-js as it comes. They are sent by the load
 * generator where there is one; a caller of node takes more of the machine than the platform does.
 */
export async function largeTensor({ rounds, seconds, folder, generator }) {
  const model = await modelFile(folder, 'mean', meanOf(width));
  const told = {};
  await besideAll(await serversOf({ only: ['relearn', 'bare grpc-js'] }), model, async ([ours, theirs]) => {
    const sides = { relearn: ours, bare: theirs };
    const send = generator === undefined ? await callersOf(sides, model.name) : generatedBy(generator, model.name);
    for (const side of Object.values(sides)) await send.begin(side);
    for (const count of inFlight)
      told[count] = await compared(sides, (side) => send.load(side, count, seconds), rounds);
    send.end();
  });
  const ratio = told[8].ratio;
  return {
    wanted: 'requests/s at least 4x those of grpc-js with its defaults',
    generator: generator === undefined ? 'a caller of node' : 'the load generator',
    ratio,
    within: ratio.median >= 4,
    inFlight: told,
  };
}

/** Both in turn, so that what the machine does meanwhile meets both. */
async function compared(sides, load, rounds) {
  const rates = { relearn: [], bare: [] };
  const cpu = { relearn: [], bare: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const key of round % 2 === 0 ? ['relearn', 'bare'] : ['bare', 'relearn']) {
      const before = await cpuSeconds(sides[key].pid);
      const { count, took } = await load(sides[key]);
      // The first round warms up.
      if (round === 0) continue;
      rates[key].push(count / took);
      cpu[key].push(((await cpuSeconds(sides[key].pid)) - before) / count);
    }
  }
  return {
    ratio: spread(rates.relearn.map((rate, at) => rate / rates.bare[at])),
    cpuRatio: spread(cpu.bare.map((used, at) => used / cpu.relearn[at])),
    requestsPerSecond: { relearn: spread(rates.relearn), bare: spread(rates.bare) },
    cpuMs: { relearn: spread(cpu.relearn.map((s) => s * 1e3)), bare: spread(cpu.bare.map((s) => s * 1e3)) },
  };
}

function generatedBy(generator, name) {
  const targetOf = ({ address }) => ['-addr', address, '-model', name];
  return {
    begin: (side) => untilGenerated(generator, targetOf(side)),
    async load(side, count, seconds) {
      const load = ['-c', String(count), '-conns', '1', '-duration', `${seconds}s`, '-warmup', '0s'];
      const asked = ['-input', 'x', '-features', String(width), ...load];
      const { requests, errors, seconds: took } = await generated(generator, targetOf(side), asked);
      if (errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
      return { count: requests, took };
    },
    end: () => undefined,
  };
}

async function callersOf(sides, name) {
  const request = inferRequest(
    name,
    [1, width],
    Float32Array.from({ length: width }, (_, at) => at % 17),
  );
  const callers = new Map();
  for (const side of Object.values(sides)) callers.set(side, await callerAt(side.address));
  return {
    begin: (side) => untilReady(callers.get(side), name),
    async load(side, atOnce, seconds) {
      let count = 0;
      const took = await inFlightFor(seconds, atOnce, async () => {
        const { status, message } = await callers.get(side).call(methods.infer, request);
        if (status !== 0) throw new Error(`a request failed: ${status} ${message}`);
        count += 1;
      });
      return { count, took };
    },
    end: () => callers.forEach((caller) => caller.close()),
  };
}
