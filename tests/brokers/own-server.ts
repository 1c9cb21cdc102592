import { inject } from 'vitest';
import type { EngineName } from './engines.js';

/** A server that a test file has to itself, to kill it and to start it again on what it kept. */
export interface OwnServer {
  readonly address: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** One more server of the engine, empty; null where the run's servers are somebody else's. */
export async function serverOfOurOwn(engine: EngineName): Promise<OwnServer | null> {
  const { control } = inject('engines');
  if (control === null) return null;
  const order = async (name: string, action: string) => {
    const response = await fetch(`${control}/${name}/${action}`, { method: 'POST' });
    if (!response.ok) throw new Error(`${action} ${name}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { readonly name: string; readonly address: string };
  };
  const { name, address } = await order(engine, 'another');
  return {
    address,
    kill: async () => void (await order(name, 'kill')),
    restart: async () => void (await order(name, 'restart')),
  };
}
