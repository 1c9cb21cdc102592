import { spawn } from 'node:child_process';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { callerAt, framed, inferRequest, methods, untilReady } from '../caller.mjs';
import { freePort } from '../../free-port.mjs';
import { quantile, spread } from '../figures.mjs';
import { modelFile, slow } from '../models.mjs';
import { beside, serversOf } from '../servers.mjs';

const everyMs = 10;

const bareServer =
  "require('node:http').createServer((_, reply) => reply.end('ok')).listen(process.argv[1], '127.0.0.1')";

/**
 * Health and metrics, and beside them a process that does nothing but answer, while a model of some 80 ms a run keeps all workers
 * busy, and, turn by turn, while nothing runs.
 */
export async function saturated({ rounds, seconds, folder }) {
  const products = await productsFor(80);
  const model = await modelFile(folder, 'slow', slow(products));
  const request = inferRequest('slow', [1, 1], new Float32Array(1));
  const [server] = await serversOf({ only: ['relearn'] });
  const p99 = { busy: {}, idle: {} };
  const runs = [];
  const barePort = await freePort();
  const bare = spawn(process.execPath, ['-e', bareServer, String(barePort)], { stdio: 'ignore' });
  try {
    await beside(server, model, async ({ address, http }) => {
      const [load, probe] = [await callerAt(address), await callerAt(address)];
      await untilReady(load, 'slow');
      const asks = asksOf(probe, http, barePort);
      for (const ask of Object.values(asks)) for (let at = 0; at < 50; at++) await ask();
      for (let round = 0; round < rounds; round++) {
        for (const state of ['idle', 'busy']) {
          let going = state === 'busy';
          const requests = Array.from({ length: going ? 4 : 0 }, async () => {
            while (going) runs.push((await load.call(methods.infer, request)).ms);
          });
          const times = await measured(asks, seconds);
          going = false;
          await Promise.all(requests);
          for (const [key, values] of Object.entries(times)) {
            (p99[state][key] ??= []).push(quantile(values, 0.99));
          }
        }
      }
      for (const caller of [load, probe]) caller.close();
    });
  } finally {
    bare.kill();
    agent.destroy();
  }
  const of = (state) => Object.fromEntries(Object.entries(p99[state]).map(([key, values]) => [key, spread(values)]));
  const { bare: ceiling, ...busy } = of('busy');
  return {
    wanted: 'p99 at most 5 ms',
    within: Object.values(busy).every(({ median }) => median <= 5),
    p99Ms: { busy: { ...busy, bare: ceiling }, idle: of('idle') },
    requestsMs: spread(runs),
  };
}

function asksOf(probe, http, barePort) {
  const check = framed(methods.check.requestSerialize({ service: '' }));
  const fetched = (path, host = http) => answerOf(`http://${host}${path}`);
  return {
    check: async () => (await probe.call(methods.check, check)).ms,
    ready: () => fetched('/v2/health/ready'),
    metrics: () => fetched('/metrics'),
    bare: () => fetched('/', `127.0.0.1:${barePort}`),
  };
}

const agent = new Agent({ keepAlive: true });

/** Milliseconds until the answer is whole. `fetch` itself takes as long as most of the answers. */
function answerOf(url) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - began);
        else reject(new Error(`${url}: ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
  });
}

/** One after another: none waits for what another costs the server. */
async function measured(asks, seconds) {
  const times = Object.fromEntries(Object.keys(asks).map((key) => [key, []]));
  const until = performance.now() + 3 * seconds * 1_000;
  while (performance.now() < until) {
    for (const [key, ask] of Object.entries(asks)) {
      times[key].push(await ask());
      await sleep(everyMs);
    }
  }
  return times;
}

/** So many products of the slow model take about so long here. */
async function productsFor(ms) {
  const { OnnxSession } = await import('../../../services/serving/dist/inference/worker/onnx-session.js');
  const { pack } = await import('../../../services/serving/dist/inference/worker/protocol.js');
  const products = 10;
  const session = await OnnxSession.open(slow(products));
  const times = [];
  for (let at = 0; at < 7; at++) {
    const { computeMs } = await session.run(pack([{ shape: [1, 1], pieces: [new Uint8Array(4)] }]), [0]);
    times.push(computeMs);
  }
  await session.release();
  return Math.max(1, Math.round((products * ms) / quantile(times, 0.5)));
}
