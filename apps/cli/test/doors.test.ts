import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ran, run } from './run.js';

interface Asked {
  readonly what: string;
  readonly body: unknown;
  readonly actor: string | undefined;
}

let folder: string;
let server: Server;
let asked: Asked[];
/** By `METHOD /path`: status and body, or several to give one after another. */
let answers: Record<string, [number, unknown] | [number, unknown][]>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'relearn-cli-'));
  asked = [];
  answers = { 'GET /openapi.json': [200, {}], 'GET /models': [200, { models: [] }] };
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const what = `${request.method} ${request.url?.replace('/api/v1', '')}`;
      asked.push({
        what,
        body: text === '' ? null : JSON.parse(text),
        actor: request.headers['relearn-actor'] as string | undefined,
      });
      const given = answers[what] ?? [404, { error: { code: 'NOT_FOUND', message: what, remedy: '', place: null } }];
      const [status, body] = (Array.isArray(given[0]) ? (given.length > 1 ? given.shift() : given[0]) : given) as [
        number,
        unknown,
      ];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

function relearn(...argv: string[]): Promise<Ran> {
  const { port } = server.address() as AddressInfo;
  return run(folder, argv, { RELEARN_URL: `http://127.0.0.1:${port}/` });
}

const moment = { business: Date.UTC(2024, 4, 1), wall: Date.now() - 600_000 };
const summary = {
  name: 'bikes',
  version: 2,
  metric: 'rmse',
  champion: 3,
  turn: { id: 'bikes-4', reason: 'drift', stage: 'training', since: moment },
  rollout: null,
  pinned: false,
  now: Date.UTC(2024, 4, 2, 3, 4),
};

describe('reading', () => {
  it('shows status as a table', async () => {
    answers['GET /status'] = [
      200,
      {
        version: '1.0',
        behind: 7,
        jobs: 1,
        pipelines: [summary],
        replays: [{ pipeline: 'bikes', speed: 1000, state: 'replaying', done: 50, total: 200, detail: '' }],
      },
    ];
    answers['GET /pipelines/bikes'] = [
      200,
      { ...summary, conservation: { received: 1234, quarantined: 5, pending: 6 } },
    ];
    const { code, out, err } = await relearn('status');
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^Relearn 1\.0, http.*: 7 records wait, 1 jobs run$/),
      'PIPELINE  VERSION  SERVES   TURN                                  RECEIVED  QUARANTINED  PENDING  BUSINESS TIME',
      'bikes           2  model 3  bikes-4 (drift): training for 10 min     1,234            5        6  2024-05-02 03:04',
      'replay of bikes: replaying, 25 % of 200 records, 1,000 times as fast as the clock',
      '',
    ]);
  });

  it('shows a rollout and a pinned champion', async () => {
    const rollout = { model: 4, strategy: 'canary', step: 1, steps: 3, share: 0.25, requests: 321, rows: 4500 };
    const now = { ...summary, rollout, pinned: true };
    answers['GET /status'] = [200, { version: '1.0', behind: 0, jobs: 0, pipelines: [now], replays: [] }];
    const conservation = { received: 1, quarantined: 0, pending: 0 };
    answers['GET /pipelines/bikes'] = [200, { ...now, conservation }];
    const { out } = await relearn('status');
    expect(out).toContain('model 3, pinned');
    expect(out).toContain(
      'rollout of bikes: model 4 is tried as a canary, step 2 of 3 (25 % of the requests); judged on 321 requests and 4,500 rows',
    );
  });

  it('shows models with what they are', async () => {
    const model = {
      bundle: 'abcdef0123456789',
      turn: 'bikes-1',
      verdict: 'passed',
      metrics: { rmse: 12.34567 },
      promoted: moment,
    };
    answers['GET /pipelines'] = [200, { pipelines: [summary] }];
    answers['GET /pipelines/bikes/models'] = [
      200,
      {
        models: [
          { ...model, model: 3, champion: true, frozen: false },
          { ...model, model: 1, champion: false, frozen: true },
        ],
      },
    ];
    const { out } = await relearn('models');
    expect(out).toContain('bikes         3  serves  passed   rmse 12.35  2024-05-01 00:00  bikes-1  abcdef012345');
    expect(JSON.parse((await relearn('models', 'bikes', '--json')).out).models).toHaveLength(2);
  });

  it('prints a line an event, with its cause, and passes the options on', async () => {
    const event = {
      source: 'registry/bikes/control',
      type: 'relearn.model.promoted.v1',
      time: '2024-05-01T10:00:00.000Z',
      pipeline: 'bikes',
      subject: 'bikes-1',
      causationid: 'evaluation/x@2',
    };
    answers['GET /events?topic=control&limit=5'] = [200, { events: [event], next: '0:9' }];
    const { out } = await relearn('events', '--topic', 'control', '--limit', '5');
    expect(out).toBe(
      '2024-05-01T10:00:00  registry    model.promoted          bikes  bikes-1  because of evaluation/x@2\n',
    );
  });

  it('ends with 1 when the audit finds something', async () => {
    answers['GET /audit'] = [
      [200, { events: 10, violations: [{ invariant: 'one champion', message: 'two of them' }] }],
      [200, { events: 11, violations: [] }],
    ];
    expect(await relearn('audit')).toMatchObject({
      code: 1,
      out: 'one champion: two of them\n10 events, 1 violations\n',
    });
    expect(await relearn('audit')).toMatchObject({ code: 0, out: '11 events, no violation\n' });
  });

  it('says so when nothing listens and there is no data', async () => {
    for (const args of [['status'], ['models'], ['events'], ['dead-letters', 'list'], ['audit']]) {
      const { code, err } = await run(folder, args);
      expect(code).toBeGreaterThan(0);
      expect(err).toMatch(/error \w+: nothing listens at .*\n {2}Start with `relearn up`/);
    }
  });
});

describe('writing', () => {
  it('applies a file and says who did it', async () => {
    writeFileSync(join(folder, 'p.yaml'), 'name: bikes');
    answers['POST /pipelines'] = [200, { pipeline: 'bikes', version: 2, changed: true }];
    expect(await relearn('apply', 'p.yaml')).toMatchObject({ code: 0, out: 'bikes: version 2 is in force\n' });
    expect(asked).toEqual([
      {
        what: 'POST /pipelines',
        body: { file: 'name: bikes', name: 'p.yaml' },
        actor: expect.stringMatching(/^cli:./),
      },
    ]);
  });

  it('shows every error of a file that the server refuses', async () => {
    writeFileSync(join(folder, 'p.yaml'), 'name: bikes');
    const errors = [1, 4].map((line) => ({
      file: 'p.yaml',
      line,
      column: 2,
      field: 'source',
      message: `wrong ${line}`,
      remedy: 'Mend it.',
    }));
    answers['POST /pipelines'] = [
      400,
      { error: { code: 'INVALID_PIPELINE', message: 'wrong (and 1 more error)', remedy: 'x', place: null, errors } },
    ];
    expect(await relearn('apply', 'p.yaml')).toMatchObject({
      code: 2,
      err: 'p.yaml:1:2: source: wrong 1\n  Mend it.\np.yaml:4:2: source: wrong 4\n  Mend it.\n',
    });
  });

  it('tells a refusal with its remedy and ends with 1', async () => {
    answers['POST /pipelines/bikes/promote'] = [
      409,
      {
        error: {
          code: 'REFUSED',
          message: 'there is no gate record for model 3',
          remedy: 'Run `relearn retrain`.',
          place: null,
        },
      },
    ];
    expect(await relearn('promote', 'bikes', '3')).toEqual({
      code: 1,
      out: '',
      err: 'error REFUSED: there is no gate record for model 3\n  Run `relearn retrain`.\n',
    });
    expect((await relearn('promote', 'bikes', 'newest')).code).toBe(2);
  });

  it('rolls back to the champion before or to a model', async () => {
    answers['POST /pipelines/bikes/rollback'] = [200, { pipeline: 'bikes', rolledBack: true }];
    await relearn('rollback', 'bikes');
    await relearn('rollback', 'bikes', '2', '--reason', 'complaints');
    expect(asked.map(({ body }) => body)).toEqual([{ reason: 'by hand' }, { model: 2, reason: 'complaints' }]);
  });

  it('pins the champion and lets it go, with a reason', async () => {
    answers['POST /pipelines/bikes/pin'] = [200, { pipeline: 'bikes', pinned: true }];
    answers['POST /pipelines/bikes/unpin'] = [200, { pipeline: 'bikes', pinned: false }];
    expect((await relearn('pin', 'bikes', '--reason', 'holidays')).out).toContain('stays until it is unpinned');
    expect((await relearn('unpin', 'bikes')).out).toContain('may change again');
    expect(asked.map(({ body }) => body)).toEqual([{ reason: 'holidays' }, { reason: 'by hand' }]);
  });

  it('waits until a replay is done', async () => {
    const replay = (state: string, done: number) => ({
      pipeline: 'bikes',
      speed: 1,
      state,
      done,
      total: 10,
      detail: '',
    });
    answers['POST /replays'] = [202, replay('history', 0)];
    answers['GET /status'] = [
      [200, { replays: [replay('replaying', 5)] }],
      [200, { replays: [replay('done', 10)] }],
    ];
    const { code, out, err } = await relearn('replay', 'bikes.yaml', '--speed', '60');
    expect([code, out]).toEqual([0, 'bikes: all 10 records are replayed\n']);
    expect(err).toBe('  0 %  bikes: history, 0 of 10 records\n 50 %  bikes: replaying, 5 of 10 records\n');
    expect(asked[0]?.body).toEqual({ file: join(folder, 'bikes.yaml'), speed: 60 });
  });

  it('ends with 1 when the replay has failed', async () => {
    answers['POST /replays'] = [
      202,
      { pipeline: 'bikes', speed: 1, state: 'failed', done: 0, total: 10, detail: 'disk full' },
    ];
    expect(await relearn('replay', 'bikes.yaml')).toMatchObject({ code: 1, err: expect.stringContaining('disk full') });
  });

  it.each([[['apply', 'p.yaml']], [['retrain', 'bikes']], [['ingest', 'bikes', 'b.csv']], [['replay', 'p.yaml']]])(
    '%j says what to do where nothing listens',
    async (args) => {
      writeFileSync(join(folder, 'p.yaml'), 'name: bikes');
      const { code, err } = await run(folder, args);
      expect([code, err]).toEqual([
        1,
        'error UNAVAILABLE: nothing answers at http://127.0.0.1:9\n  Start it with `relearn up`, or set RELEARN_URL to where it listens.\n',
      ]);
    },
  );

  it('says so when something else answers', async () => {
    answers['POST /pipelines/bikes/retrain'] = [502, 'gateway'];
    expect(await relearn('retrain', 'bikes')).toMatchObject({ code: 1, err: expect.stringContaining('no Relearn') });
  });
});
