// Requests of one row against the platform with everything on (metrics, prediction log to the embedded bus), against grpc-js
// with one run a request, and against peers, round by round: requests/s, latency, and CPU of the server's processes a request.
// The load generator is a program that speaks the protocol and prints one JSON line, as `oipload` does; peers are a table of
// commands. CPU a request carries over to other machines, requests/s with the generator on the same cores do not.
//
//   npm run build && node bench/serving/run.mjs --generator PATH --model FILE.onnx --rows ROWS.csv \
//     [--peers peers.json] [--only "relearn,bare grpc-js"] [--rounds 3] [--in-flight 1,8,64] [--connections 1] [--seconds 4]
import { availableParallelism, loadavg } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { generated, untilGenerated } from './generator.mjs';
import { beside, serversOf } from './servers.mjs';

const { values: options } = parseArgs({
  options: {
    generator: { type: 'string' },
    model: { type: 'string' },
    rows: { type: 'string' },
    peers: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    'in-flight': { type: 'string', default: '1,8,64' },
    connections: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '4' },
  },
});
for (const needed of ['generator', 'model', 'rows']) {
  if (options[needed] === undefined) throw new Error(`--${needed} is missing`);
}
const file = resolve(options.model);
const model = { name: basename(file, '.onnx'), file };

function targetOf({ address, url }) {
  const named = ['-model', model.name];
  if (url === undefined) return ['-addr', address, ...named];
  return ['-http', url, '-bodies', join(resolve(options.rows), '..', 'bodies.ndjson'), ...named];
}

async function measure(server, inFlight) {
  const load = ['-c', String(inFlight), '-conns', options.connections, '-duration', `${options.seconds}s`];
  const args = ['-data', resolve(options.rows), ...load, '-warmup', '2s', '-pid', String(server.pid)];
  const { rps, p50_ms, p99_ms, errors, server_cpu_us_per_req, server_rss_mib, other_cpu_share } = await generated(
    options.generator,
    targetOf(server),
    args,
  );
  return { rps, p50_ms, p99_ms, errors, cpu_us: server_cpu_us_per_req, rss_mib: server_rss_mib, other_cpu_share };
}

const servers = await serversOf({ peers: options.peers, only: options.only?.split(',') });
const results = new Map();
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const server of servers) {
    try {
      await beside(server, model, async (running) => {
        await untilGenerated(options.generator, targetOf(running));
        for (const inFlight of options['in-flight'].split(',').map(Number)) {
          const figures = await measure(running, inFlight);
          const key = `${server.name}\t${inFlight}`;
          results.set(key, [...(results.get(key) ?? []), figures]);
          process.stderr.write(`${round} ${server.name} ${inFlight} in flight ${JSON.stringify(figures)}\n`);
        }
      });
    } catch (failure) {
      process.stderr.write(`${round} ${server.name}: ${String(failure.message).split('\n')[0]}\n`);
    }
  }
}

const digits = (value) => (value === undefined ? null : Number(value.toPrecision(4)));
/** Median, least and greatest. */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: digits(sorted[sorted.length >> 1]), least: digits(sorted[0]), greatest: digits(sorted.at(-1)) };
}
const summary = [...results].map(([key, runs]) => {
  const [server, inFlight] = key.split('\t');
  const of = (field) => spread(runs.map((figures) => figures[field]));
  const ours = results.get(`relearn\t${inFlight}`);
  const ratio = ours && of('rps').median && spread(ours.map(({ rps }) => rps)).median / of('rps').median;
  return {
    server,
    inFlight: Number(inFlight),
    n: runs.length,
    requestsPerSecond: of('rps'),
    relearnToThis: digits(ratio),
    p50Ms: of('p50_ms'),
    p99Ms: of('p99_ms'),
    serverCpuUs: of('cpu_us'),
    residentMiB: of('rss_mib'),
    errors: runs.reduce((sum, { errors }) => sum + errors, 0),
    otherCpuShare: of('other_cpu_share'),
  };
});
const machine = { cores: availableParallelism(), node: process.version, load: digits(loadavg()[0]) };
process.stdout.write(
  `${JSON.stringify({ machine, model: model.name, connections: Number(options.connections), summary }, null, 1)}\n`,
);
