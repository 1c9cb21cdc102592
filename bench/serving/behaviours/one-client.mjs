import { callerAt, inferRequest, methods, untilReady } from '../caller.mjs';
import { digits, quantile, spread } from '../figures.mjs';
import { addition, deep, modelFile } from '../models.mjs';
import { beside, frontWith } from '../servers.mjs';

/** One request at a time, with batching on and off, turn by turn: what the median takes. */
export async function oneClient({ rounds, seconds, folder }) {
  const told = {};
  for (const [name, onnx] of [
    ['tiny', addition(1)],
    ['longer', deep(20, 256)],
  ]) {
    const model = await modelFile(folder, name, onnx);
    const request = inferRequest(name, [1, 1], new Float32Array(1));
    told[name] = await compared({ rounds, turns: seconds * 4, model, request });
  }
  return { wanted: 'p50 with batching on at most 1.05x that with it off', ...told };
}

async function compared({ rounds, turns, model, request }) {
  const ratios = [];
  const medians = { on: [], off: [] };
  for (let round = 0; round < rounds; round++) {
    await beside(frontWith('on'), model, (on) =>
      beside(frontWith('off'), model, async (off) => {
        const callers = { on: await callerAt(on.address), off: await callerAt(off.address) };
        const times = { on: [], off: [] };
        for (const key of ['on', 'off']) {
          await untilReady(callers[key], model.name);
          for (let at = 0; at < 300; at++) await callers[key].call(methods.infer, request);
        }
        for (let turn = 0; turn < turns; turn++) {
          for (const key of turn % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
            const until = performance.now() + 125;
            while (performance.now() < until) times[key].push((await callers[key].call(methods.infer, request)).ms);
          }
        }
        for (const key of ['on', 'off']) medians[key].push(quantile(times[key], 0.5));
        ratios.push(medians.on.at(-1) / medians.off.at(-1));
        for (const key of ['on', 'off']) callers[key].close();
      }),
    );
  }
  const ratio = spread(ratios);
  return {
    ratio,
    within: ratio.median <= 1.05,
    p50Ms: { on: spread(medians.on), off: spread(medians.off) },
    turns: digits(turns),
  };
}
