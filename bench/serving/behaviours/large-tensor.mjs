import { callerAt, inferRequest, methods, untilReady } from '../caller.mjs';
import { cpuSeconds, spread } from '../figures.mjs';
import { meanOf, modelFile } from '../models.mjs';
import { besideAll, serversOf } from '../servers.mjs';
import { inFlightFor } from './rate.mjs';

const width = 150_000;

/** Tensors of 600 kB, four under way on one connection: the platform with everything on against grpc-js as it comes. */
export async function largeTensor({ rounds, seconds, folder }) {
  const model = await modelFile(folder, 'mean', meanOf(width));
  const values = Float32Array.from({ length: width }, (_, at) => at % 17);
  const request = inferRequest(model.name, [1, width], values);
  const rates = { relearn: [], bare: [] };
  const cpu = { relearn: [], bare: [] };
  await besideAll(await serversOf({ only: ['relearn', 'bare grpc-js'] }), model, async ([ours, theirs]) => {
    const sides = { relearn: ours, bare: theirs };
    const callers = {};
    for (const [key, { address }] of Object.entries(sides)) {
      callers[key] = await callerAt(address);
      await untilReady(callers[key], model.name);
    }
    for (let round = 0; round <= rounds; round++) {
      for (const key of round % 2 === 0 ? ['relearn', 'bare'] : ['bare', 'relearn']) {
        const before = await cpuSeconds(sides[key].pid);
        const { count, took } = await answered(callers[key], request, seconds);
        // The first round warms up.
        if (round === 0) continue;
        rates[key].push(count / took);
        cpu[key].push(((await cpuSeconds(sides[key].pid)) - before) / count);
      }
    }
    for (const caller of Object.values(callers)) caller.close();
  });
  const ratio = spread(rates.relearn.map((rate, at) => rate / rates.bare[at]));
  return {
    wanted: 'requests/s at least 4x those of grpc-js with its defaults',
    ratio,
    within: ratio.median >= 4,
    cpuRatio: spread(cpu.bare.map((used, at) => used / cpu.relearn[at])),
    requestsPerSecond: { relearn: spread(rates.relearn), bare: spread(rates.bare) },
    cpuMs: { relearn: spread(cpu.relearn.map((s) => s * 1e3)), bare: spread(cpu.bare.map((s) => s * 1e3)) },
  };
}

async function answered(caller, request, seconds) {
  let count = 0;
  const took = await inFlightFor(seconds, 4, async () => {
    const { status, message } = await caller.call(methods.infer, request);
    if (status !== 0) throw new Error(`a request failed: ${status} ${message}`);
    count += 1;
  });
  return { count, took };
}
