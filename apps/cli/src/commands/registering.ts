import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unreadable } from '@relearn/kernel';
import type { PlainModel } from '../answers.js';
import { addressOf, type Client, remoteClient } from '../client.js';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import type { Terminal } from '../terminal.js';

interface Registered {
  readonly name: string;
  readonly model: number;
  readonly bundle: string;
  /** 0: none. */
  readonly champion: number;
}

export interface RegisterOptions {
  readonly alias?: string;
}

const pollMs = 50;
const waitMs = 60_000;

/** Registers an ONNX file under a name that no pipeline owns, and waits until the version answers. */
export async function registerModel(
  { terminal, print }: Action,
  [name = '', file = '']: readonly string[],
  { alias = '' }: RegisterOptions,
): Promise<ExitCode> {
  const onnx = await readFile(resolve(terminal.folder, file)).catch((thrown: unknown) => {
    throw unreadable(file, thrown);
  });
  const client = remoteClient(terminal);
  const query = alias === '' ? '' : `?alias=${encodeURIComponent(alias)}`;
  const answer = await client.upload<Registered>(`/models/${encodeURIComponent(name)}${query}`, onnx);
  const ready = await answers(terminal, client, answer, alias !== '');
  const asWhat = alias === '' ? `to requests that name version ${answer.model}` : 'to requests that name no version';
  const told = ready ? `answers ${asWhat}` : 'is registered, and does not answer yet';
  print({ ...answer, ready }, `${name}: version ${answer.model} ${told}`);
  return ready ? exitCodes.done : exitCodes.failed;
}

/** Waits until the version answers; false when it has not for a minute. */
async function answers(
  terminal: Terminal,
  client: Client,
  { name, model }: Registered,
  asChampion: boolean,
): Promise<boolean> {
  const url = `${addressOf(terminal)}/v2/models/${encodeURIComponent(name)}/versions/${model}/ready`;
  for (let waited = 0; waited < waitMs; waited += pollMs) {
    if ((await fetch(url)).ok && (!asChampion || (await isDeployed(client, name, model)))) return true;
    await sleep(pollMs);
  }
  return false;
}

/** Has serving said that the champion answers? */
async function isDeployed(client: Client, name: string, model: number): Promise<boolean> {
  const { models } = await client.get<{ models: PlainModel[] }>('/models');
  const versions = models.find((one) => one.name === name)?.versions ?? [];
  return (versions.find((version) => version.model === model)?.deployed ?? null) !== null;
}
