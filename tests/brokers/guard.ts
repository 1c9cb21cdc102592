import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A process that owns servers and ends them when this process ends: guard.mjs. */
export interface Guard {
  /** For the servers' data and logs. */
  readonly folder: string;
  /** What its containers bear. */
  readonly label: string;
  /** Its log is NAME.log in the folder, where it also runs. `env` is added to the environment. */
  start(name: string, command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL and SIGTERM: resolves when the process has ended. */
  signal(name: string, signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Why a server that was started does not run any more. */
  gone(name: string): string | undefined;
  /** From now on containers with the label are removed at the end. */
  keepsContainers(): Promise<void>;
  /** Runs this once every server has ended, before the folder goes. */
  atEnd(command: string, args: readonly string[]): Promise<void>;
  /** Ends every server. The same happens when this process ends in any other way. */
  end(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly failure?: string;
  readonly name?: string;
  readonly exited?: string | number;
  /** The end of its log. */
  readonly said?: string;
}

export async function startGuard(): Promise<Guard> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-servers-'));
  const label = `relearn.tests=${folder}`;
  const child = fork(join(import.meta.dirname, 'guard.mjs'), [folder, label], { detached: true, execArgv: [] });
  const exits = new Map<string, string>();
  const order = orders(child, ({ name = '', exited, said = '' }) =>
    exits.set(name, `it ended with ${exited}. ${said}`),
  );
  return {
    folder,
    label,
    async start(name, command, args, env = {}) {
      exits.delete(name);
      await order({ order: 'start', name, command, args, env });
    },
    signal: (name, signal) => order({ order: 'signal', name, signal }),
    gone: (name) => exits.get(name),
    keepsContainers: () => order({ order: 'containers' }),
    atEnd: (command, args) => order({ order: 'atEnd', command, args }),
    async end() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** Sends orders and resolves each when it is answered. Other messages go to `onExit`. */
function orders(child: ChildProcess, onExit: (message: Message) => void): (order: object) => Promise<void> {
  const waiting = new Map<number, (failure?: string) => void>();
  let sent = 0;
  child.on('message', (message: Message) => {
    if (message.id === undefined) return onExit(message);
    waiting.get(message.id)?.(message.failure);
    waiting.delete(message.id);
  });
  child.on('exit', () => {
    for (const answer of waiting.values()) answer('the process that owns the servers has ended');
  });
  return (order) =>
    new Promise((resolve, reject) => {
      const id = sent++;
      waiting.set(id, (failure) => (failure === undefined ? resolve() : reject(new Error(failure))));
      child.send({ ...order, id });
    });
}
