import { resolve } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import type { ReplayStatus, Status } from '../answers.js';
import { remoteClient } from '../client.js';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { Progress } from '../terminal.js';
import { count } from '../words.js';
import { readPipelineText } from './check.js';

const pollMs = 500;

/** Puts a pipeline file in force. */
export async function apply({ terminal, print }: Action, [file = '']: readonly string[]): Promise<void> {
  const text = await readPipelineText(terminal.folder, file);
  const answer = await remoteClient(terminal).post<{ pipeline: string; version: number; changed: boolean }>(
    '/pipelines',
    { file: text, name: file },
  );
  const { pipeline, version, changed } = answer;
  print(
    answer,
    `${pipeline}: version ${version} ${changed ? 'is in force' : 'was in force already; nothing has changed'}`,
  );
}

export async function promote(
  { terminal, print }: Action,
  [pipeline = '', model = '']: readonly string[],
): Promise<void> {
  const answer = await remoteClient(terminal).post(pathOf(pipeline, 'promote'), { model: modelNumber(model) });
  print(answer, `${pipeline}: model ${model} is the champion`);
}

export async function rollback(
  { terminal, print }: Action,
  [pipeline = '', model]: readonly string[],
  { reason }: { reason: string },
): Promise<void> {
  const wanted = model === undefined ? {} : { model: modelNumber(model) };
  const answer = await remoteClient(terminal).post(pathOf(pipeline, 'rollback'), { ...wanted, reason });
  print(answer, `${pipeline}: rolled back${model === undefined ? ' to the champion before' : ` to model ${model}`}`);
}

export async function retrain({ terminal, print }: Action, [pipeline = '']: readonly string[]): Promise<void> {
  const answer = await remoteClient(terminal).post<{ request: string }>(pathOf(pipeline, 'retrain'), {});
  print(answer, `${pipeline}: asked for as ${answer.request}; \`relearn status\` shows how it goes`);
}

interface IngestAnswer {
  readonly published: number;
  readonly rejected: { readonly count: number; readonly first: readonly { row?: number; message?: string }[] };
  readonly undeclared: readonly string[];
}

/** Writes a data file to a pipeline. */
export async function ingest(
  { terminal, print }: Action,
  [pipeline = '', file = '']: readonly string[],
  { stream }: { stream?: string },
): Promise<ExitCode> {
  const path = resolve(terminal.folder, file);
  const answer = await remoteClient(terminal).post<IngestAnswer>(pathOf(pipeline, 'files'), {
    file: path,
    ...(stream === undefined ? {} : { stream }),
  });
  const { published, rejected, undeclared } = answer;
  if (undeclared.length > 0)
    terminal.err.write(`Left out, since the pipeline does not declare them: ${undeclared.join(', ')}\n`);
  for (const one of rejected.first) terminal.err.write(`Rejected: ${JSON.stringify(one)}\n`);
  print(
    answer,
    `${pipeline}: ${count(published)} records written${rejected.count === 0 ? '' : `, ${count(rejected.count)} rejected`}`,
  );
  return published === 0 && rejected.count > 0 ? exitCodes.usage : exitCodes.done;
}

/** Applies a file and replays its data; tells how far it is until it is done, unless nobody wants to wait. */
export async function replay(
  { terminal, print }: Action,
  [file = '']: readonly string[],
  { speed, wait }: { speed?: string; wait: boolean },
): Promise<ExitCode> {
  const client = remoteClient(terminal);
  const body = {
    file: resolve(terminal.folder, file),
    ...(speed === undefined ? {} : { speed: positive('--speed', speed) }),
  };
  let now = await client.post<ReplayStatus>('/replays', body);
  if (!wait) {
    print(now, `${now.pipeline}: ${count(now.total)} records are being replayed`);
    return exitCodes.done;
  }
  const progress = new Progress(terminal);
  let going = true;
  const interrupted = terminal.interrupted().then(() => {
    going = false;
  });
  while (going && (now.state === 'history' || now.state === 'replaying')) {
    progress.show(
      now.done / Math.max(1, now.total),
      `${now.pipeline}: ${now.state}, ${count(now.done)} of ${count(now.total)} records`,
    );
    await Promise.race([interrupted, new Promise((done) => setTimeout(done, pollMs))]);
    const { replays } = await client.get<Status>('/status');
    now = replays.find((one) => one.pipeline === now.pipeline) ?? now;
  }
  progress.clear();
  if (now.state === 'failed')
    throw new RelearnError('INTERNAL', `the replay has failed: ${now.detail}`, {
      remedy: 'The log of the process that serves says more.',
    });
  print(
    now,
    now.state === 'done'
      ? `${now.pipeline}: all ${count(now.total)} records are replayed`
      : `${now.pipeline}: it goes on without this command`,
  );
  return exitCodes.done;
}

function pathOf(pipeline: string, what: string): string {
  return `/pipelines/${encodeURIComponent(pipeline)}/${what}`;
}

function modelNumber(text: string): number {
  const model = Number(text);
  if (Number.isInteger(model) && model >= 1) return model;
  throw new RelearnError('INVALID_INPUT', `'${text}' is no number of a model`, {
    remedy: '`relearn models` lists them.',
  });
}

/** A number above 0. Throws INVALID_INPUT naming the option. */
export function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RelearnError('INVALID_INPUT', `${option} ${text}: not a number above 0`, {
    remedy: `Give ${option} a number such as 1000.`,
  });
}
