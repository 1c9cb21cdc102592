// The whole compose file on a Docker engine: builds and starts it as it is, waits until the example's loop has promoted a
// model, kills each container in turn while the example runs, twice (by `docker compose kill`, and as a crash that the
// restart policy answers), waits for the example's end, and audits the log. Takes half an hour on two cores.
//
//   node tests/compose/prove.mjs [--env-file infra/docker/nats.env] [--file FILE]... [--built] [--short] [--keep]
//        [--report FILE]
//
// `--env-file` and `--file` are docker compose's; `--built` takes the image that is there; `--short` stops the
// example after the kills in place of waiting for its end; `--keep` leaves the containers, which are else removed with their
// volumes. Ends with 1 when something did not hold.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Compose, run } from './docker.mjs';
import { measureIdle } from './idle.mjs';
import { lookAtDashboards, lookAtTargets } from './look.mjs';

const { values: given } = parseArgs({
  options: {
    'env-file': { type: 'string' },
    file: { type: 'string', multiple: true },
    keep: { type: 'boolean' },
    built: { type: 'boolean' },
    short: { type: 'boolean' },
    report: { type: 'string' },
  },
});
const compose = new Compose([
  ...(given['env-file'] === undefined ? [] : ['--env-file', given['env-file']]),
  ...(given.file ?? []).flatMap((file) => ['--file', file]),
]);
const api = 'http://127.0.0.1:8080/api/v1';
const began = Date.now();
const said = [];
const broken = [];

function say(text) {
  const line = `${String(Math.round((Date.now() - began) / 1000)).padStart(5)} s  ${text}`;
  said.push(line);
  process.stdout.write(`${line}\n`);
}

function hold(what, holds) {
  if (!holds) broken.push(what);
  say(`${holds ? 'holds' : 'BROKEN'}: ${what}`);
}

/** Asks again until the answer is not undefined; throws after the limit, which no healthy run comes near. */
async function until(what, ask, minutes = 5) {
  const from = Date.now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() - from > minutes * 60_000) throw new Error(`${what}: not within ${minutes} minutes`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Undefined while nobody answers. */
async function ask(path) {
  try {
    const answer = await fetch(`${api}${path}`);
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

/** Records that have come through validation. */
const validated = async () => (await ask('/pipelines/flights'))?.conservation.validated;

/** Whether the service answers its health check now. */
async function answers(service) {
  return (await compose.answers(service)) ? true : undefined;
}

async function healthy(service) {
  const state = await compose.stateOf(service);
  return state?.state === 'running' && ['', 'healthy'].includes(state.health) ? state : undefined;
}

/** Whether the example has come to its end: then nothing more is received. */
async function exampleEnded() {
  const state = await compose.stateOf('example');
  return state?.state === 'exited' && state.exitCode === 0;
}

/** Waits until more records have come through than now. */
async function loopMoves() {
  const since = await until('the console answers', validated);
  return until('the loop moves', async () =>
    (await validated()) > since || (await exampleEnded()) ? true : undefined,
  );
}

async function killAndStart(service) {
  const from = Date.now();
  await compose.do('kill', service);
  await compose.do('up', '--detach', '--no-recreate', '--no-deps', service);
  const since = Date.parse(await compose.startOf(service));
  await until(`${service} is back`, () => answers(service));
  const back = `${seconds(Date.now() - since)} after its start, ${seconds(Date.now() - from)} after the kill`;
  await loopMoves();
  await tell(`killed ${service}; it answers ${back}, the loop has moved ${seconds(Date.now() - from)} after the kill`);
}

async function crash(service) {
  const restarts = await compose.restarts(service);
  const from = Date.now();
  await compose.crash(service);
  await until(`${service} was started again`, async () =>
    (await compose.restarts(service)) > restarts ? true : undefined,
  );
  await until(`${service} is back`, () => answers(service));
  await tell(`crashed ${service}; it answers ${seconds(Date.now() - from)} later by its restart policy`);
}

/** Says what was done, and how far the example has come. */
async function tell(what) {
  const records = await until('the console answers', validated);
  say(`${what}; ${records} records are through${(await exampleEnded()) ? ', the example has ended' : ''}`);
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

async function start() {
  if (given.built !== true) await compose.do('build');
  const { out: size } = await run('docker', ['image', 'inspect', '--format', '{{.Size}}', 'relearn:local']);
  say(`built; the image has ${(Number(size) / 1e6).toFixed(0)} MB`);
  const alone = ['run', '--rm', '--network', 'none', '--read-only', '--entrypoint', 'npx', 'relearn:local'];
  const { code, out } = await run('docker', [...alone, 'relearn', '--version']);
  hold(`\`npx relearn\` runs in the image without a network: ${out.trim()}`, code === 0);
  const from = Date.now();
  await compose.do('up', '--detach');
  for (const service of await compose.services()) await until(`${service} is healthy`, () => healthy(service), 10);
  say(`all containers are up and healthy after ${seconds(Date.now() - from)}`);
  const first = await until(
    'a first model',
    async () => (await ask('/pipelines/flights/models'))?.models.at(-1)?.promoted ?? undefined,
    30,
  );
  const up = Date.parse(await compose.startOf('mongodb'));
  say(`first promotion ${seconds(first.wall - up)} after the database's container was started`);
}

async function finish(firstKill) {
  if (given.short === true && !(await exampleEnded())) {
    await compose.do('stop', 'example');
    say(`the example was stopped after ${await validated()} records`);
  } else {
    await until('the example ends', async () => ((await exampleEnded()) ? true : undefined), 120);
    say('the example has been replayed');
  }
  await until(
    'nothing waits and no job runs',
    async () => {
      const status = await ask('/status');
      return status !== undefined && status.behind === 0 && status.jobs === 0 ? true : undefined;
    },
    30,
  );
  say((await compose.do('exec', '-T', 'console', 'npx', 'relearn', 'status')).trim());
  const models = JSON.parse(await compose.do('exec', '-T', 'console', 'npx', 'relearn', 'models', '--json'));
  const promoted = models.models.filter((model) => model.promoted !== null);
  hold(`models were promoted: ${promoted.map(({ model }) => model).join(', ')}`, promoted.length > 0);
  const since = promoted.filter((model) => model.promoted.wall > firstKill).map(({ model }) => model);
  hold(`of these after the first kill: ${since.join(', ')}`, given.short === true || since.length > 0);
  const { code, out, err } = await run('docker', [
    'compose',
    ...compose.options,
    'exec',
    '-T',
    'console',
    'npx',
    'relearn',
    'audit',
  ]);
  hold(`\`docker compose exec console npx relearn audit\`: ${(out + err).trim()}`, code === 0);
}

/** What the containers use when all is done. */
async function figures() {
  for (const { name, share, memory } of await measureIdle(compose, 60)) {
    const peak = name === 'bare kafkajs' ? null : await compose.peakMemory(name);
    const most = peak === null ? '' : `, ${mebibytes(peak)} at most since its last start`;
    say(`idle for a minute, ${name}: ${(100 * share).toFixed(2)} % of a core, ${mebibytes(memory)}${most}`);
  }
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

async function main() {
  const services = await compose.services();
  await start();
  const killed = services.filter((name) => name !== 'example');
  const firstKill = Date.now();
  for (const service of killed) await killAndStart(service);
  await loopMoves();
  say('every container was killed once, and the loop moves');
  const shells = killed.filter((name) => name !== 'otel-collector');
  for (const service of shells) {
    if (await exampleEnded()) say(`not crashed, since the example had ended: ${service}`);
    else await crash(service);
  }
  if (!(await exampleEnded())) await killAndStart('example');
  await finish(firstKill);
  for (const { what, holds } of [...(await lookAtTargets()), ...(await lookAtDashboards())]) hold(what, holds);
  const spans = await compose.do('logs', '--no-log-prefix', 'otel-collector');
  hold('the collector got spans', /"spans": [1-9]/.test(spans));
  await figures();
}

try {
  await main();
} catch (thrown) {
  broken.push(String(thrown));
  say(`BROKEN: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
} finally {
  if (given.keep !== true) await compose.do('down', '--volumes', '--remove-orphans');
  say(broken.length === 0 ? 'everything held' : `${broken.length} did not hold`);
  if (given.report !== undefined) writeFileSync(given.report, `${said.join('\n')}\n`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
