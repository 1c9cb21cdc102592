import { systemClock } from '@relearn/kernel';
import { GrpcChannel, healthService } from '@relearn/rpc/grpc';
import { afterEach, describe, expect, it } from 'vitest';
import { type ServiceName, serviceNames } from '../src/service-names.js';
import { linearModel } from '../../../services/serving/test/models.js';
import { day, iso, pipeline, pipelineFile, start } from './memory-world.js';
import { eventually, Processes } from './processes.js';

let processes: Processes;

afterEach(() => processes.stopAll());

/** What each process answers on its two ports beside probes and health. */
const surface: Readonly<Record<ServiceName, { grpc: string | null; http: readonly string[] }>> = {
  ingestion: { grpc: 'relearn.v1.Ingestion', http: ['/v1'] },
  validation: { grpc: 'relearn.v1.Validation', http: [] },
  feature: { grpc: 'relearn.v1.Features', http: [] },
  training: { grpc: 'relearn.v1.Training', http: [] },
  evaluation: { grpc: 'relearn.v1.Evaluation', http: [] },
  registry: { grpc: 'relearn.v1.Registry', http: [] },
  serving: { grpc: 'inference.GRPCInferenceService', http: ['/v2'] },
  monitoring: { grpc: 'relearn.v1.Monitoring', http: [] },
  console: { grpc: null, http: ['/', '/api/v1'] },
};

const asked: Readonly<Record<string, readonly [method: string, path: string]>> = {
  '/': ['GET', '/'],
  '/api/v1': ['GET', '/api/v1/pipelines'],
  '/v1': ['POST', '/v1/events/nothing'],
  '/v2': ['GET', '/v2/health/live'],
};

async function ask(base: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${base}${path}`, { method, ...json, headers: { ...type, ...headers } });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, headers: response.headers };
}

describe.each(serviceNames)('the process of %s', (name) => {
  it('answers for itself and for nobody else', async () => {
    processes = await new Processes().place([name]);
    const { url, grpcAddress } = await processes.startOne(name);
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200);
    expect((await ask(url, 'GET', '/healthz')).status).toBe(200);
    const { status, body } = await ask(url, 'GET', '/metrics');
    expect([status, body]).toEqual([200, expect.stringContaining('relearn_')]);

    const { grpc, http } = surface[name];
    for (const [prefix, [method, path]] of Object.entries(asked)) {
      const answer = await ask(url, method, path, method === 'POST' ? {} : undefined);
      const forwards = name === 'console' && ['/v1', '/v2'].includes(prefix);
      // A path of nobody has Fastify's 404; the doors answer with our own.
      const mine = answer.status !== 404 || !String(answer.body.message).startsWith('Route ');
      expect([prefix, mine]).toEqual([prefix, http.includes(prefix) || forwards]);
      if (forwards) expect(answer.status).toBe(503);
    }
    const channel = new GrpcChannel({ address: grpcAddress, clock: systemClock });
    try {
      const health = channel.client(healthService);
      for (const { grpc: service } of Object.values(surface)) {
        if (service === null) continue;
        const known = health.check({ service });
        if (service === grpc) expect(await known).toMatchObject({ status: 'SERVING' });
        else await expect(known).rejects.toMatchObject({ code: 'NOT_FOUND' });
      }
    } finally {
      await channel.close();
    }
  });
});

describe('processes beside each other', () => {
  const names = ['ingestion', 'registry', 'serving', 'monitoring', 'console'] as const;

  async function begin(): Promise<string> {
    processes = await new Processes().place(names);
    await processes.start(...names);
    return processes.http('console');
  }

  /** Events of the control log as the registry's process sees them, from now on. */
  function heard(): { type: string; actor: string | undefined }[] {
    const events: { type: string; actor: string | undefined }[] = [];
    processes.of('registry').ports.catalog.listen(({ type, actor }) => events.push({ type, actor }));
    return events;
  }

  it('writes at the console are made by their owners, in the name of who asks', async () => {
    const url = await begin();
    const events = heard();
    const bad = await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile.replace('binary', 'binarry') });
    expect(bad).toMatchObject({ status: 400, body: { error: { errors: [{ line: expect.any(Number) }] } } });
    const applied = await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile }, { 'relearn-actor': 'Zoë' });
    expect(applied).toMatchObject({ status: 200, body: { pipeline, version: 1, changed: true } });
    const refused = await ask(url, 'POST', `/api/v1/pipelines/${pipeline}/retrain`, {}, { 'relearn-actor': 'ada' });
    // What monitoring says of it comes with its remedy.
    expect(refused).toMatchObject({
      status: 409,
      body: { error: { code: 'REFUSED', remedy: expect.stringMatching(/window/) } },
    });
    const promoted = await ask(url, 'POST', `/api/v1/pipelines/${pipeline}/promote`, { model: 1 });
    expect(promoted).toMatchObject({ status: 409, body: { error: { remedy: expect.stringMatching(/retrain/) } } });
    expect(events).toEqual([{ type: 'relearn.pipeline.applied.v1', actor: expect.stringMatching(/^Zo/) }]);

    await processes.stop('registry');
    const away = await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile.replace('weight]', 'weight, id]') });
    expect(away).toMatchObject({ status: 503, body: { error: { code: 'UNAVAILABLE' } } });
    await processes.startOne('registry');
    const again = await eventually('the registry', async () => {
      const answer = await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile });
      return answer.status === 200 && answer;
    });
    expect(again).toMatchObject({ body: { version: 1, changed: false } });
  });

  it('paths of other services are passed on, whole and as they are', async () => {
    const url = await begin();
    await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile });
    const row = { id: 'a', at: iso(start), city: 'x'.repeat(200), weight: 1 };
    const direct = await eventually('the pipeline at ingestion', async () => {
      const answer = await ask(processes.http('ingestion'), 'POST', `/v1/events/${pipeline}`, row);
      return answer.status === 202 && answer;
    });
    const many = Array.from({ length: 3_000 }, (_, index) => ({ ...row, id: `b${index}` }));
    const passed = await ask(url, 'POST', `/v1/events/${pipeline}?stream=rows`, many, { 'idempotency-key': 'k' });
    expect(passed).toMatchObject({ status: 202, body: { accepted: 3_000 } });
    expect(Object.keys(passed.body)).toEqual(Object.keys(direct.body));
    const wrong = await ask(url, 'POST', `/v1/events/${pipeline}?stream=nothing`, row);
    expect(wrong).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    const tooLarge = await ask(url, 'POST', `/v1/events/${pipeline}`, [{ ...row, city: 'x'.repeat(17 << 20) }]);
    expect(tooLarge).toMatchObject({ status: 413, body: { error: { code: 'TOO_LARGE' } } });
    expect(await ask(url, 'GET', '/v2/health/ready')).toMatchObject({ status: 200, body: { ready: true } });
    expect(await ask(url, 'GET', '/v2/models/nothing')).toMatchObject({
      status: 404,
      body: { error: expect.any(String) },
    });
    expect((await ask(url, 'GET', '/api/2.0/mlflow/experiments/search')).status).toBe(404);

    await processes.stop('ingestion');
    const away = await ask(url, 'POST', `/v1/events/${pipeline}`, row);
    expect(away).toMatchObject({ status: 503, body: { error: { code: 'UNAVAILABLE', remedy: expect.any(String) } } });
    expect(away.headers.get('retry-after')).toBe('1');
    await processes.stop('serving');
    expect(await ask(url, 'GET', '/v2/health/ready')).toMatchObject({
      status: 503,
      body: { error: expect.any(String) },
    });
    await processes.startOne('ingestion');
    expect((await ask(url, 'POST', `/v1/events/${pipeline}`, row)).status).toBe(202);
  });

  it('counts what waits from checkpoints and turns, whoever works on them', async () => {
    const url = await begin();
    await ask(url, 'POST', '/api/v1/pipelines', { file: pipelineFile });
    const row = { id: 'a', at: iso(start + day), city: 'x', weight: 1 };
    await eventually(
      'the pipeline at ingestion',
      async () => (await ask(url, 'POST', `/v1/events/${pipeline}`, row)).status === 202,
    );
    // Nobody validates.
    expect(await ask(url, 'GET', '/api/v1/status')).toMatchObject({ body: { behind: 1, jobs: 0 } });
  });
});

describe('engines that are away', () => {
  it('are waited for at the start, and readiness says so', async () => {
    processes = await new Processes().place(['console']);
    processes.engines.away = true;
    const url = processes.http('console');
    const starting = processes.startOne('console');
    const before = await eventually('the probes', async () => {
      try {
        return await ask(url, 'GET', '/readyz');
      } catch {
        return undefined;
      }
    });
    expect(before).toMatchObject({ status: 503, body: { missing: [{ name: 'bus', message: 'no broker answers' }] } });
    expect((await ask(url, 'GET', '/healthz')).status).toBe(200);
    expect((await ask(url, 'GET', '/metrics')).status).toBe(200);
    const asked = await ask(url, 'GET', '/api/v1/pipelines');
    expect(asked).toMatchObject({
      status: 503,
      body: { error: { code: 'UNAVAILABLE', message: expect.stringMatching(/no broker/) } },
    });
    processes.engines.away = false;
    await starting;
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200);
    expect((await ask(url, 'GET', '/api/v1/pipelines')).status).toBe(200);
  });

  it('keep nobody from the models that were in force, also after a restart of what serves them', async () => {
    const names = ['registry', 'serving', 'console'] as const;
    processes = await new Processes().place(names);
    await processes.start(...names);
    const [door, url] = [processes.http('console'), processes.http('serving')];
    const register = async (offset: number) => {
      const headers = { 'content-type': 'application/octet-stream' };
      const body = linearModel(offset).onnx;
      const answer = await fetch(`${door}/api/v1/models/score?alias=champion`, { method: 'POST', headers, body });
      return answer.status;
    };
    const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1], data: [1] });
    const scored = async () => {
      const answer = await ask(url, 'POST', '/v2/models/score/infer', { inputs: [tensor('a'), tensor('b')] });
      return answer.status === 200 && answer.body.outputs[0].data[0];
    };
    expect(await register(0)).toBe(201);
    expect(await eventually('the first version', scored)).toBe(5);

    processes.engines.away = true;
    expect(await scored()).toBe(5);
    await processes.stop('serving');
    const starting = processes.startOne('serving');
    expect(await eventually('the version that was in force', () => scored().catch(() => false))).toBe(5);
    expect(await ask(url, 'GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'ready', missing: [{ message: 'no broker answers' }] },
    });
    expect(await ask(url, 'GET', '/api/v1/models')).toMatchObject({ status: 503 });
    const channel = new GrpcChannel({ address: processes.grpc('serving'), clock: systemClock });
    expect(await channel.client(healthService).check({ service: '' })).toMatchObject({ status: 'SERVING' });

    processes.engines.away = false;
    await starting;
    expect(await channel.client(healthService).check({ service: 'inference.GRPCInferenceService' })).toMatchObject({
      status: 'SERVING',
    });
    await channel.close();
    expect(await scored()).toBe(5);
    expect(await eventually('the registry', async () => (await register(100)) === 201)).toBe(true);
    await eventually('the second version', async () => (await scored()) === 105);
    // What was answered meanwhile is in the log.
    const logged = await eventually('the answers of before', async () => {
      const records = await processes.engines.bus.bounds('predictions');
      return records.reduce((sum, { first, end }) => sum + end - first, 0) >= 4;
    });
    expect(logged).toBe(true);
  });

  it('are not waited for any more when the process is told to end', async () => {
    processes = await new Processes().place(['console']);
    processes.engines.away = true;
    const giveUp = new AbortController();
    const starting = processes.startOne('console', giveUp.signal);
    setTimeout(() => giveUp.abort(), 50);
    await expect(starting).rejects.toMatchObject({ code: 'CANCELLED' });
    // Its port is free again.
    await expect(fetch(processes.http('console'))).rejects.toThrow();
  });
});
