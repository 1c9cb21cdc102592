import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenedConsole, openConsole } from './opened-console.js';
import { Story } from './story.js';

const start = Date.UTC(2024, 0, 1);
let opened: OpenedConsole;

beforeEach(async () => {
  opened = await openConsole();
});
afterEach(() => opened.close());

describe('models that no pipeline owns', () => {
  const upload = (url: string, payload: string, headers: Record<string, string> = {}) =>
    opened.app.inject({
      method: 'POST',
      url,
      payload,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    });

  it('are registered from the bytes of a body, by whoever asks', async () => {
    const { statusCode, body } = await upload('/api/v1/models/lr?alias=champion', 'onnx', { 'relearn-actor': 'ann' });
    expect([statusCode, JSON.parse(body)]).toEqual([201, { name: 'lr', model: 1, bundle: 'b', champion: 1 }]);
    await upload('/api/v1/models/lr', 'more');
    expect(opened.asked).toEqual([
      ['lr', 'onnx', 'champion', 'ann'],
      ['lr', 'more', '', 'rest'],
    ]);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await upload('/api/v1/models/lr', 'onnx', form)).statusCode).toBe(400);
    expect(opened.asked).toHaveLength(2);
  });

  it('are listed with their versions, and are no pipelines', async () => {
    await new Story(opened.ports, 'lr').plain(2, start);
    while (opened.view.plain()[0]?.champion !== 2) await opened.ports.kernel.clock.breathe();
    const { models } = (await opened.app.inject('/api/v1/models')).json();
    expect(models).toMatchObject([{ name: 'lr', champion: 2, pinned: false, versions: [{ model: 2 }, { model: 1 }] }]);
    expect((await opened.app.inject('/api/v1/pipelines')).json()).toEqual({ pipelines: [] });
    expect((await opened.app.inject('/api/v1/models/other')).statusCode).toBe(404);
    expect((await opened.app.inject('/')).body).toContain('Models without a pipeline');
    const rolled = { method: 'POST', url: '/api/v1/pipelines/lr/rollback', payload: { reason: 'why' } } as const;
    expect((await opened.app.inject(rolled)).statusCode).toBe(200);
  });
});
