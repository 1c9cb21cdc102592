import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { retrainRequested, windowProfiled } from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import { type ConsoleView, openReadApi } from '@relearn/console';
import { openConsole } from './opened-console.js';
import { day, Story } from './story.js';
import { tellYear } from './year.js';

const start = Date.UTC(2024, 0, 1);
let ports: Ports;
let view: ConsoleView;
let app: FastifyInstance;
let asked: unknown[];
let close: () => Promise<void>;

beforeEach(async () => {
  const opened = await openConsole();
  ({ ports, view, app, asked, close } = opened);
});
afterEach(() => close());

async function told(): Promise<void> {
  await tellYear(ports, 'flights');
  // Earlier turns were in training, too, when they were folded.
  const last = () => view.list()[0]?.turn;
  while (last()?.id !== 'flights-5' || last()?.stage !== 'training') await ports.kernel.clock.sleep(2);
  while (view.pipeline('flights').windows.closed < 284) await ports.kernel.clock.sleep(2);
}

async function get(url: string): Promise<Readonly<Record<string, unknown>>> {
  return (await app.inject({ method: 'GET', url })).json();
}

describe('reading', () => {
  it('answers with the pipelines, their state, models, turns, windows and drift', async () => {
    await told();
    expect(await get('/api/v1/pipelines')).toMatchObject({ pipelines: [{ name: 'flights', champion: 4, frozen: 1 }] });
    const state = await get('/api/v1/pipelines/flights');
    expect(state).toMatchObject({
      metric: 'roc_auc',
      conservation: { received: 314_914, deadLettered: 12, difference: 0 },
    });
    expect(state['stages']).toHaveLength(8);
    expect(await get('/api/v1/pipelines/flights/models')).toMatchObject({
      models: [{ model: 4, champion: true }, { model: 3 }, { model: 2 }, { model: 1, frozen: true }],
    });
    expect(await get('/api/v1/pipelines/flights/turns?limit=2')).toMatchObject({
      turns: [{ turn: 'flights-5', outcome: null }, { turn: 'flights-4' }],
    });
    const { windows } = await get('/api/v1/pipelines/flights/windows?limit=3');
    expect(windows).toMatchObject([{}, {}, { performance: { model: 4, reference: 0.765 }, drift: { model: 4 } }]);
    const { features } = await get(`/api/v1/pipelines/flights/drift?from=${Date.UTC(2024, 2, 1) + 280 * day}`);
    expect(features).toHaveLength(12);
    expect(features).toContainEqual(
      expect.objectContaining({
        feature: 'temp',
        points: expect.arrayContaining([expect.objectContaining({ threshold: 0.18 })]),
      }),
    );
  });

  it('names an unknown pipeline with code and remedy', async () => {
    const answer = await app.inject({ method: 'GET', url: '/api/v1/pipelines/nowhere/models' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      error: {
        code: 'NOT_FOUND',
        message: "no pipeline 'nowhere'",
        remedy: expect.stringContaining('relearn status'),
        place: null,
      },
    });
  });

  it.each([
    '/api/v1/events?limit=0',
    '/api/v1/events?topic=nothing',
    '/api/v1/events?from=17',
    '/api/v1/events?from=9:1',
  ])('refuses %s', async (url) => {
    const answer = await app.inject({ method: 'GET', url });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_INPUT']);
  });

  it('describes every route in the OpenAPI document, and no reference leads nowhere', async () => {
    const document = await get('/api/v1/openapi.json');
    const paths = Object.keys(document['paths'] as object);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/api/v1/pipelines/{name}/rollback',
        '/api/v1/events',
        '/api/v1/stream',
        '/api/v1/audit',
      ]),
    );
    const { schemas } = document['components'] as { schemas: Record<string, unknown> };
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(schemas)).toContain(name);
  });
});

describe('events', () => {
  it('are read page by page, each once, in the order of the log', async () => {
    const stories = ['flights', 'bikes', 'wine'].map((name) => new Story(ports, name));
    for (let n = 1; n <= 5; n++) for (const story of stories) await story.request(n, 'manual', start + n * day);
    const again = { time: start, sequence: 3, previous: 2 };
    await stories[0]?.say(
      windowProfiled,
      {
        start,
        end: start + day,
        part: 'inputs',
        shard: 0,
        rows: 1,
        predictions: 1,
        labelled: 0,
        labelledTotal: 0,
        read: 0,
        models: [],
      },
      again,
    );
    const all: unknown[] = [];
    let from = '0:0';
    for (let page = 0; page < 9; page++) {
      const { events, next } = await get(`/api/v1/events?limit=4&from=${from}`);
      all.push(...(events as { pipeline: string; data: { request: string } }[]).map((event) => event.data.request));
      from = String(next);
    }
    expect(all).toHaveLength(15);
    expect(new Set(all).size).toBe(15);
    const { events } = await get('/api/v1/events?pipeline=bikes&limit=2');
    expect((events as { data: { request: string } }[]).map((event) => event.data.request)).toEqual([
      'bikes-r4',
      'bikes-r5',
    ]);
  });

  it('of which the log has copies are shown once', async () => {
    const story = new Story(ports, 'flights');
    for (const sequence of [1, 2, 1, 2, 3]) {
      const data = { request: `r${sequence}`, reason: 'manual' as const, causes: [], cut: {}, labelled: 0 };
      await story.say(retrainRequested, data, { time: start, sequence, previous: sequence - 1 || null });
    }
    const { events } = await get('/api/v1/events?topic=control');
    expect((events as { sequence: number }[]).map((event) => event.sequence)).toEqual([1, 2, 3]);
    const { events: later } = await get(`/api/v1/events?topic=control&from=${story.partition}:2`);
    expect((later as { sequence: number }[]).map((event) => event.sequence)).toEqual([3]);
  });
});

describe('writing', () => {
  it('applies a file and says who did it', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/pipelines',
      payload: { file: 'good' },
      headers: { 'relearn-actor': 'ana' },
    });
    expect([answer.statusCode, answer.json()]).toEqual([200, { pipeline: 'flights', version: 1, changed: true }]);
    expect(asked).toEqual([['good', 'pipeline.yaml', 'ana']]);
  });

  it('answers 400 with every error of a file', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/pipelines',
      payload: { file: 'bad', name: 'p.yaml' },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({
      code: 'INVALID_PIPELINE',
      place: { file: 'p.yaml', line: 3, column: 5 },
    });
    expect(answer.json().error.errors.map((error: { line: number }) => error.line)).toEqual([3, 9]);
  });

  it('passes on a refusal with its remedy', async () => {
    await new Story(ports, 'flights').apply(start);
    while (view.list().length === 0) await ports.kernel.clock.breathe();
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/pipelines/flights/promote',
      payload: { model: 3 },
    });
    expect(answer.statusCode).toBe(409);
    expect(answer.json().error).toEqual({
      code: 'REFUSED',
      message: 'there is no gate record for model 3',
      remedy: 'Run `relearn retrain`.',
      place: null,
    });
    const retrain = await app.inject({ method: 'POST', url: '/api/v1/pipelines/flights/retrain', payload: {} });
    expect([retrain.statusCode, retrain.json()]).toEqual([202, { pipeline: 'flights', request: 'flights-r9 by rest' }]);
    const back = await app.inject({
      method: 'POST',
      url: '/api/v1/pipelines/flights/rollback',
      payload: { reason: 'worse' },
    });
    expect([back.statusCode, asked]).toEqual([200, [['flights', null, 'worse', 'rest']]]);
  });

  it('pins and unpins with a reason', async () => {
    await new Story(ports, 'flights').apply(start);
    while (view.list().length === 0) await ports.kernel.clock.breathe();
    for (const what of ['pin', 'unpin']) {
      const url = `/api/v1/pipelines/flights/${what}`;
      expect((await app.inject({ method: 'POST', url, payload: {} })).statusCode).toBe(400);
      const answer = await app.inject({ method: 'POST', url, payload: { reason: 'holidays' } });
      expect([answer.statusCode, answer.json()]).toEqual([200, { pipeline: 'flights', pinned: what === 'pin' }]);
    }
    expect(asked).toEqual([
      ['flights', 'holidays', 'rest'],
      ['flights', 'holidays', 'rest'],
    ]);
  });

  it.each([
    ['/api/v1/pipelines', {}],
    ['/api/v1/pipelines/flights/promote', { model: 0 }],
    ['/api/v1/pipelines/flights/rollback', {}],
  ])('refuses a body that lacks something: %s', async (url, payload) => {
    const answer = await app.inject({ method: 'POST', url, payload });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_INPUT']);
  });

  it('refuses what a page of another site sends', async () => {
    const headers = { origin: 'https://elsewhere.example', host: '127.0.0.1:8080' };
    const answer = await app.inject({ method: 'POST', url: '/api/v1/pipelines', payload: { file: 'good' }, headers });
    expect([answer.statusCode, asked]).toEqual([409, []]);
  });
});

describe('predictions', () => {
  it('are asked for by entity and by columns, as JSON has them', async () => {
    const url = '/api/v1/pipelines/flights/predict';
    const rows = [{ entity: { carrier: 'AA', gate: 7 }, columns: { delay: null, late: true }, event_id: 'e9' }];
    const { statusCode, body } = await app.inject({ method: 'POST', url, payload: { rows, version: '3' } });
    expect([statusCode, JSON.parse(body)]).toEqual([
      200,
      {
        pipeline: 'flights',
        version: '3',
        arm: 'champion',
        rows: [
          {
            outputs: { probability: 0.25 },
            features: { event_id: 'e1', time: '2024-01-01T00:00:00.000Z', as_of: '2024-01-01T01:00:00.000Z' },
          },
        ],
      },
    ]);
    const { entity, columns, event_id: eventId } = rows[0] ?? {};
    expect(asked).toEqual([{ pipeline: 'flights', version: '3', id: '', rows: [{ entity, columns, eventId }] }]);
    const nested = { rows: [{ entity: { a: [1] } }] };
    for (const payload of [{}, { rows: [] }, nested, { rows: [{ columns: { a: {} } }] }])
      expect((await app.inject({ method: 'POST', url, payload })).statusCode, JSON.stringify(payload)).toBe(400);
  });
});

describe('the stream', () => {
  it('sends the state at once and again when it has changed', async () => {
    const story = new Story(ports, 'flights');
    await story.apply(start);
    while (view.list().length === 0) await ports.kernel.clock.breathe();
    await app.listen({ port: 0 });
    const { port } = app.server.address() as { port: number };
    const stop = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/stream?pipeline=flights`, { signal: stop.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error(`the stream ended before ${wanted}`);
        text += value;
      }
    };
    await until('"version":1');
    await story.request(1, 'manual', start);
    await story.turn(1, start, 'manual', 'training');
    await until('"stage":"training"');
    expect(text.match(/event: state/g)?.length).toBeGreaterThanOrEqual(2);
    stop.abort();
  });
});

describe('the page', () => {
  it('says what to do where nothing runs', async () => {
    const { body, headers } = await app.inject('/');
    expect(body).toContain('relearn init');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('shows a model that is tried beside the champion', async () => {
    const story = new Story(ports, 'flights');
    await story.apply(start);
    await story.request(1, 'first', start);
    await story.turn(1, start, 'first', 'passed');
    await story.canary(2, start);
    // What has been judged comes in another topic than the step.
    while (view.list()[0]?.rollout?.step !== 1 || view.list()[0]?.rollout?.requests !== 27)
      await ports.kernel.clock.sleep(1);
    const { body } = await app.inject('/?pipeline=flights');
    expect(body).toContain('<strong>Model 2</strong> answers 50 % of the requests, step 2 of 2: judged on 27 requests');
  });

  it('shows a pipeline without the help of scripts', async () => {
    await told();
    const { body } = await app.inject('/?pipeline=flights');
    for (const text of [
      '314,914',
      'Model 4',
      'better than the champion in roc_auc',
      'origin_late_3h',
      'is training candidates',
    ])
      expect(body).toContain(text);
    expect(body).not.toMatch(/(src|href)="https?:/);
    const { body: part } = await app.inject('/?pipeline=flights&parts=models');
    expect([part.includes('id="models"'), part.includes('id="turns"'), part.includes('<html')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('escapes what others wrote', async () => {
    const story = new Story(ports, 'flights');
    await story.apply(start);
    await story.request(1, 'manual', start, [], '<script>alert(1)</script>');
    while (view.list()[0] === undefined || view.pipeline('flights').turns.list().length === 0)
      await ports.kernel.clock.breathe();
    const { body } = await app.inject('/?pipeline=flights');
    expect(body).toContain('&lt;script&gt;alert(1)');
    expect(body).not.toContain('<script>alert(1)');
  });

  it('has an address of its own for what is not there', async () => {
    expect((await app.inject('/?pipeline=nowhere')).statusCode).toBe(404);
  });

  it.each(['/assets/console.js', '/assets/chart.js', '/assets/uplot.js'])('serves %s', async (url) => {
    const { statusCode, headers } = await app.inject(url);
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
  });
});

describe('the reading half without a port', () => {
  it('answers as the server would, and has no way to write', async () => {
    await tellYear(ports, 'flights');
    const api = await openReadApi({
      ports,
      audit: async () => ({ events: 3, violations: [] }),
      verify: async () => ({
        stored: { all: 'h', services: {} },
        rebuilt: { all: 'h', services: {} },
        difference: null,
      }),
      work: async () => ({ behind: 0, jobs: 0 }),
      version: '1.2.3',
    });
    const { status, body } = await api.get('/pipelines/flights/models');
    expect([status, JSON.parse(Buffer.from(body).toString()).models.length]).toEqual([200, 4]);
    expect((await api.get('/pipelines/nowhere')).status).toBe(404);
    expect((await api.get('/events?limit=x')).status).toBe(400);
    await api.close();
  });
});
