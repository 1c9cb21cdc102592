import { describe, expect, inject, test } from 'vitest';
import { type EngineName, engineNames } from './engines.js';
import { answers } from './protocols.js';

const engines = inject('engines');

/** Whether the server at an address answers. */
async function alive(engine: EngineName, address: string): Promise<boolean> {
  const { hostname, port } = new URL(address.includes('://') ? address : `server://${address}`);
  return await answers(engine, hostname, Number(port));
}

async function order(name: string, action: string): Promise<{ name: string; address: string }> {
  const response = await fetch(`${engines.control}/${name}/${action}`, { method: 'POST' });
  const body = (await response.json()) as { name: string; address: string };
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}

describe.each(engineNames)('%s', (engine) => {
  test.skipIf(engines[engine] === null)('answers', async () => {
    expect(await alive(engine, engines[engine] ?? '')).toBe(true);
  });

  test.skipIf(engines[engine] === null || engines.control === null)(
    'one more is killed, started again, paused and resumed',
    async () => {
      const { name, address } = await order(engine, 'another');
      expect(address).not.toBe(engines[engine]);
      await order(name, 'kill');
      expect(await alive(engine, address)).toBe(false);
      await order(name, 'restart');
      expect(await alive(engine, address)).toBe(true);
      await order(name, 'pause');
      expect(await alive(engine, address)).toBe(false);
      await order(name, 'resume');
      expect(await alive(engine, address)).toBe(true);
      expect(await alive(engine, engines[engine] ?? '')).toBe(true);
    },
  );
});
