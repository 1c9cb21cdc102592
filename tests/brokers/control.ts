import { once } from 'node:events';
import { createServer } from 'node:http';
import type { EngineName } from './engines.js';
import type { Control, Server } from './server.js';

type Action = Exclude<keyof Control, 'another'>;
const actions = ['kill', 'restart', 'pause', 'resume'] as const satisfies readonly Action[];

export interface ControlDoor {
  readonly address: string;
  close(): void;
}

/**
 * Lets tests, which run in other processes, act upon the run's servers: `POST /kafka/kill`. Others use these servers at
 * the same time, so who kills asks for one of his own: `POST /kafka/another` answers `{name, address}`, and from then on
 * `POST /NAME/kill` kills that.
 */
export async function openControl(shared: ReadonlyMap<EngineName, Server>): Promise<ControlDoor> {
  const servers = new Map<string, Server>(shared);
  const act = async (name: string, action: string): Promise<readonly [status: number, body?: object]> => {
    const control = servers.get(name)?.control;
    const known = actions.find((one) => one === action);
    if (known === undefined && action !== 'another') return [404];
    if (control === undefined || control === null) return [409, { error: `${name} is not a server of this run` }];
    if (known === undefined) {
      const server = await control.another();
      const another = `${name}-${servers.size}`;
      servers.set(another, server);
      return [200, { name: another, address: server.address }];
    }
    await control[known]();
    return [200, {}];
  };
  const door = createServer((request, response) => {
    const [, name = '', action = ''] = (request.url ?? '').split('/');
    const answer = (status: number, body: object = {}) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    act(name, action).then(
      ([status, body]) => answer(status, body),
      (failure: Error) => answer(500, { error: failure.message }),
    );
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  door.unref();
  const at = door.address();
  const port = typeof at === 'object' ? at?.port : undefined;
  return { address: `http://127.0.0.1:${port}`, close: () => void door.close() };
}
