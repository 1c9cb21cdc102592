import { setTimeout as sleep } from 'node:timers/promises';
import { callerAt, framed, inferRequest, methods, untilReady } from '../caller.mjs';
import { digits, quantile, residentMiB, spread } from '../figures.mjs';
import { addition, modelFile } from '../models.mjs';
import { beside, serversOf } from '../servers.mjs';
import { atRate } from './rate.mjs';

const perSecond = 500;
/** Under requests for so long before the first swap: what a process takes to get warm is no swap's. */
const warmMs = 20_000;

/** Champion after champion under requests at a steady rate: none fails, each answer is one version's, and memory stays. */
export async function swaps({ swaps: count, folder }) {
  const model = await modelFile(folder, 'swapped', addition(1));
  const request = inferRequest('swapped', [1, 1], new Float32Array(1));
  const [server] = await serversOf({ only: ['relearn'] });
  return await beside(server, model, async ({ address, pid }) => {
    const [load, door] = [await callerAt(address), await callerAt(address)];
    await untilReady(load, 'swapped');
    const outcomes = { answered: 0, failed: new Map(), wrong: 0 };
    const times = [];
    const requests = atRate(perSecond, async () => {
      const { status, message, bytes, ms } = await load.call(methods.infer, request);
      if (status !== 0) return void outcomes.failed.set(message, (outcomes.failed.get(message) ?? 0) + 1);
      const { modelVersion, rawOutputContents } = methods.infer.responseDeserialize(bytes.subarray(5));
      const answer = Buffer.from(rawOutputContents[0]).readFloatLE();
      outcomes.answered += 1;
      outcomes.wrong += answer === Number(modelVersion) ? 0 : 1;
      times.push(ms);
    });
    await sleep(warmMs);
    const resident = [];
    const began = performance.now();
    for (let swap = 1; swap <= count; swap++) {
      const body = { name: 'swapped', onnx: Buffer.from(addition(swap + 1)), alias: 'champion' };
      const { status, message } = await door.call(
        methods.registerModel,
        framed(methods.registerModel.requestSerialize(body)),
      );
      if (status !== 0) throw new Error(`the ${swap}th swap failed: ${status} ${message}`);
      resident.push(await residentMiB(pid));
      if (swap % 100 === 0) process.stderr.write(`${swap} swaps, ${resident.at(-1).toFixed(0)} MiB\n`);
    }
    const took = (performance.now() - began) / 1_000;
    await requests.end();
    for (const caller of [load, door]) caller.close();
    const [tenth, last] = [resident[9], resident.at(-1)];
    const failures = Object.fromEntries(outcomes.failed);
    return {
      wanted: 'no failure, and memory after the last swap at most 1.1x that after the tenth',
      swaps: count,
      requests: outcomes.answered,
      failures,
      wrong: outcomes.wrong,
      ratio: digits(last / tenth),
      within: outcomes.failed.size === 0 && outcomes.wrong === 0 && last <= 1.1 * tenth,
      residentMiB: { tenth: digits(tenth), last: digits(last), ...spread(resident) },
      swapsPerSecond: digits(count / took),
      requestsMs: { p50: digits(quantile(times, 0.5)), p99: digits(quantile(times, 0.99)) },
    };
  });
}
