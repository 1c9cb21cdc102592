import { inject } from 'vitest';

/** A nats-server of a test's own, which it may take away. */
export interface NatsServer {
  readonly address: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** The address of the run's server, or null. */
export const sharedNats = inject('engines').nats;

/** Why no server can be had that only this test uses; undefined when it can. */
export const withoutOwnServer =
  inject('engines').control === null ? 'the server was given by its address, others use it too' : undefined;

export async function ownNats(): Promise<NatsServer> {
  const { name, address } = await act('nats', 'another');
  const doing = (action: string) => async () => void (await act(name, action));
  return { address, kill: doing('kill'), restart: doing('restart'), pause: doing('pause'), resume: doing('resume') };
}

async function act(name: string, action: string): Promise<{ readonly name: string; readonly address: string }> {
  const response = await fetch(`${inject('engines').control}/${name}/${action}`, { method: 'POST' });
  const text = await response.text();
  if (!response.ok) throw new Error(`${name}/${action}: ${response.status} ${text}`);
  return JSON.parse(text);
}
