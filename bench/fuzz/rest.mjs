// Random and malformed requests over REST against a server of its own: JSON and binary bodies, bent, cut, compressed, with wrong
// headers. Prints statuses and the server's memory as it goes. Exit code 1 when one was answered by 500 or by no JSON, when the
// connection broke, or when a good request is not answered afterwards.
//
//   npm run build && node bench/fuzz/rest.mjs [--count 100000] [--seed 1] [--at-once 16]

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import { sha256, systemKernel } from '@relearn/kernel';
import { DataPlane, ModelHost, registerInferenceRoutes } from '@relearn/serving';
import fastify from 'fastify';
import '../no-reports.mjs';

const types = { FP32: 1, INT64: 7, BYTES: 8, BOOL: 9, FP16: 10 };

/** y = x, [n,2], as an ONNX file. */
function identity(type) {
  const nested = (field, ...parts) => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([field * 8 + 2, body.length]), body]);
  };
  const number = (field, value) => Buffer.from([field * 8, value]);
  const shape = nested(2, nested(1, nested(2, 'n')), nested(1, number(1, 2)));
  const value = (field, name) => nested(field, nested(1, name), nested(2, nested(1, number(1, type), shape)));
  const node = nested(1, nested(1, 'x'), nested(2, 'y'), nested(4, 'Identity'));
  const graph = nested(7, node, nested(2, 'g'), value(11, 'x'), value(12, 'y'));
  return Buffer.concat([number(1, 8), graph, nested(8, number(2, 17))]);
}

/** The server, in a process of its own: tells its port, and its memory when asked. */
async function serve() {
  const host = new ModelHost({ kernel: systemKernel });
  await host.start();
  for (const [name, type] of Object.entries(types)) {
    const onnx = identity(type);
    await host.load(name, 1, onnx, null, { digest: sha256(onnx) });
    host.setDefault(name, 1);
  }
  const app = fastify();
  registerInferenceRoutes(app, new DataPlane(host, systemKernel, 'fuzz'));
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', () => process.send({ rss: process.memoryUsage().rss }));
  process.on('disconnect', () => process.exit(0));
  process.send({ port: app.server.address().port });
}

/** Numbers from 0 to 1, the same for the same seed. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Requests without end. */
function* requests(seed) {
  const random = chance(seed);
  const upTo = (most) => Math.floor(random() * (most + 1));
  const one = (...values) => values[upTo(values.length - 1)];
  const often = (good, bad) => (random() < 0.8 ? good() : bad());
  const odd = () =>
    one(
      null,
      true,
      -1,
      0,
      0.5,
      2 ** 40,
      2 ** 53,
      -(2 ** 63),
      1e308,
      '',
      'x',
      '\u{1f600}',
      [],
      {},
      [[]],
      [null],
      { a: 1 },
      'x'.repeat(upTo(3000)),
    );
  const tokens = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u',
    '\\ud800',
    'NaN',
    '1e999',
    '-',
    '00',
    '\0',
    '\n',
    '\ufeff',
    '"inputs":',
    '['.repeat(300),
    '9'.repeat(400),
  ];
  const right = { FP32: [1.5, 2], INT64: [1, -2], BYTES: ['a', 'b'], BOOL: [true, false], FP16: [1, 2] };
  const tensor = (type) => ({
    ...(random() < 0.95 ? { name: often(() => 'x', odd) } : {}),
    datatype: often(
      () => type,
      () => one(...Object.keys(types), 'BF16', 'fp32', odd()),
    ),
    shape: often(
      () => [1, 2],
      () => one([2, 2], [2 ** 40, 2], [-1, 2], [0, 2], [1], [], [1, 2, 1], odd()),
    ),
    ...often(
      () => ({ data: one(right[type], [right[type]]) }),
      () =>
        one(
          {},
          { data: one([1, 2], ['a', 'b'], [1, 2, 3, 4], [[1], 2], odd()) },
          { parameters: { binary_data_size: one(8, 16, -8, 2 ** 50, odd()) } },
          { parameters: odd() },
        ),
    ),
  });
  const structured = (type) => {
    const outputs = () => [
      {
        name: often(() => 'y', odd),
        parameters: one({}, { binary_data: true }, { classification: one(1, 5, 1e9, odd()) }, odd()),
      },
    ];
    return {
      inputs: often(
        () =>
          Array.from(
            {
              length: often(
                () => 1,
                () => upTo(3),
              ),
            },
            () => tensor(type),
          ),
        odd,
      ),
      ...(random() < 0.3 ? { id: often(() => 'q', odd) } : {}),
      ...(random() < 0.3 ? { outputs: often(outputs, odd) } : {}),
      ...(random() < 0.3
        ? {
            parameters: one(
              { binary_data_output: true },
              { timeout: one(1, 1e9, odd()) },
              { priority: odd() },
              { event_ids: '["a"]' },
              odd(),
            ),
          }
        : {}),
    };
  };
  const values = Buffer.from(new Float32Array([1, 2]).buffer);
  const head = Buffer.from(
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]}',
  );
  const good = Buffer.from('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,-2e3]}]}');
  const bent = (bytes) => {
    let now = bytes;
    for (let times = 1 + upTo(3); times > 0; times--) {
      const at = upTo(now.length);
      const put = one(Buffer.from([upTo(255)]), Buffer.from(one(...tokens)), Buffer.alloc(0));
      now = Buffer.concat([now.subarray(0, at), put, now.subarray(at + one(0, 0, 1, 5, now.length))]);
    }
    return now;
  };
  for (;;) {
    const type = one(...Object.keys(types));
    let body = one(
      () => Buffer.from(JSON.stringify(structured(type))),
      () => Buffer.from(JSON.stringify(structured(type))),
      () => bent(Buffer.from(JSON.stringify(structured(type)))),
      () => bent(good),
      () => Buffer.concat([head, values]),
      () => bent(Buffer.concat([head, values])),
      () => Buffer.from(Array.from({ length: upTo(200) }, () => upTo(255))),
      () => Buffer.from(one('[', '{"a":', '"', '[[],').repeat(upTo(5000))),
    )();
    const headers = {};
    if (random() < (body.includes(values) ? 0.9 : 0.1))
      headers['inference-header-content-length'] = String(
        one(head.length, head.length, head.length, head.length, 0, upTo(300), -1, 'x', '1e2', '9'.repeat(30)),
      );
    const coding = random() < 0.2 ? one('gzip', 'gzip', 'deflate', 'deflate', 'br', 'gzip, gzip', '') : undefined;
    if (coding !== undefined) headers['content-encoding'] = coding;
    if (coding === 'gzip' && random() < 0.7) body = gzipSync(body);
    if (coding === 'deflate' && random() < 0.7) body = deflateSync(body);
    if (random() < 0.1) headers['accept-encoding'] = one('gzip', 'deflate;q=0.5', '*', ';;', 'identity;q=0');
    if (random() < 0.3)
      headers['content-type'] = one(
        'application/json',
        'application/octet-stream',
        'text/plain',
        ';;;',
        'a/b; charset=utf-16',
      );
    const model = often(
      () => type,
      () => one(...Object.keys(types), 'nobody', '%20', '%F0%9F%98%80', 'x'.repeat(90)),
    );
    const version =
      random() < 0.1 ? `/versions/${one('1', '9', '-1', 'x', 'champion', '1e3', '99999999999999999999')}` : '';
    yield { path: `/v2/models/${model}${version}/infer`, headers, body };
  }
}

async function run({ count, seed, atOnce }) {
  const child = fork(import.meta.filename, ['--serve']);
  const [{ port }] = await once(child, 'message');
  const died = once(child, 'exit').then(([code, signal]) =>
    Promise.reject(new Error(`the server died: ${code ?? signal}`)),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const ask = ({ path, headers, body }) =>
    new Promise((resolve, reject) => {
      const call = request(
        { agent, port, path, method: 'POST', headers: { ...headers, 'content-length': body.length } },
        (answer) => {
          const chunks = [];
          answer
            .on('data', (chunk) => chunks.push(chunk))
            .on('end', () =>
              resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }),
            );
          answer.on('error', reject);
        },
      );
      call.on('error', reject).end(body);
    });
  const memory = async () => {
    child.send('memory');
    const [{ rss }] = await once(child, 'message');
    return Math.round(rss / 2 ** 20);
  };
  const statuses = {};
  const wrong = [];
  const source = requests(seed);
  let sent = 0;
  const worker = async () => {
    while (sent < count && wrong.length < 10) {
      sent += 1;
      const { value } = source.next();
      try {
        const { status, body, headers } = await ask(value);
        statuses[status] = (statuses[status] ?? 0) + 1;
        const refused = status !== 200 && typeof JSON.parse(body).error === 'string' && status !== 500;
        if (status !== 200 && !refused) throw new Error(`${status} ${body}`);
        if (status === 200 && headers['content-encoding'] === undefined && body[0] !== 0x7b) throw new Error('no JSON');
      } catch (thrown) {
        wrong.push({
          why: String(thrown),
          path: value.path,
          headers: value.headers,
          body: value.body.toString('latin1').slice(0, 500),
        });
      }
    }
  };
  const began = performance.now();
  console.log(`seed ${seed}, server's memory before: ${await memory()} MiB`);
  for (const until of Array.from({ length: 10 }, (_, part) => Math.round((count * (part + 1)) / 10))) {
    const all = count;
    count = until;
    await Promise.race([Promise.all(Array.from({ length: atOnce }, worker)), died]);
    count = all;
    console.log(
      `${sent} requests, ${Math.round((performance.now() - began) / 1000)} s, ${await memory()} MiB ${JSON.stringify(statuses)}`,
    );
  }
  const last = await ask({
    path: '/v2/models/FP32/infer',
    headers: {},
    body: Buffer.from('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}'),
  });
  if (last.status !== 200) wrong.push({ why: 'a good request afterwards', status: last.status });
  for (const each of wrong) console.log(JSON.stringify(each));
  console.log(wrong.length === 0 ? 'nothing but answers and errors with a text' : `${wrong.length} wrong`);
  agent.destroy();
  died.catch(() => undefined);
  child.disconnect();
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

if (process.argv[2] === '--serve') await serve();
else {
  const text = (standard) => ({ type: 'string', default: standard });
  const { values } = parseArgs({ options: { count: text('100000'), seed: text('1'), 'at-once': text('16') } });
  await run({ count: Number(values.count), seed: Number(values.seed), atOnce: Number(values['at-once']) });
}
