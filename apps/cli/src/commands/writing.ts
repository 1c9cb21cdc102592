import { resolve } from 'node:path';
import { RelearnError } from '@relearn/kernel';
import type { Writer } from '@relearn/platform';
import type { ReplayStatus, Status } from '../answers.js';
import { remoteClient } from '../client.js';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { loadPlatform } from '../platform.js';
import { Progress, type Terminal } from '../terminal.js';
import { count } from '../words.js';
import { readPipelineText } from './check.js';
import { telemetryFor } from './telemetry.js';

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
  print(answer, `${pipeline}: rolled back to ${model === undefined ? 'what answered before' : `model ${model}`}`);
}

/** Keeps the champion where it is, or lets it move again. */
export function pinning(what: 'pin' | 'unpin') {
  const done = { pin: 'the champion stays until it is unpinned', unpin: 'the champion may change again' }[what];
  return async (
    { terminal, print }: Action,
    [pipeline = '']: readonly string[],
    { reason }: { reason: string },
  ): Promise<void> => {
    const answer = await remoteClient(terminal).post(pathOf(pipeline, what), { reason });
    print(answer, `${pipeline}: ${done}`);
  };
}

export async function retrain({ terminal, print }: Action, [pipeline = '']: readonly string[]): Promise<void> {
  const answer = await remoteClient(terminal).post<{ request: string }>(pathOf(pipeline, 'retrain'), {});
  print(answer, `${pipeline}: asked for as ${answer.request}; \`relearn status\` shows how it goes`);
}

interface IngestAnswer {
  readonly published: number;
  readonly rejected: {
    readonly count: number;
    readonly first: readonly { readonly row?: number; readonly message?: string }[];
  };
  readonly undeclared: readonly string[];
}

/** Writes a data file to a pipeline: through the process that serves, or to engines that processes share. */
export async function ingest(
  { terminal, print }: Action,
  [pipeline = '', file = '']: readonly string[],
  { stream }: { stream?: string },
): Promise<ExitCode> {
  const path = resolve(terminal.folder, file);
  const answer: IngestAnswer =
    (await asWriter(terminal, (writer) => writer.ingest(pipeline, path, stream ?? 'rows'))) ??
    (await remoteClient(terminal).post<IngestAnswer>(pathOf(pipeline, 'files'), {
      file: path,
      ...(stream === undefined ? {} : { stream }),
    }));
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
  const path = resolve(terminal.folder, file);
  const wanted = speed === undefined ? null : positive('--speed', speed);
  const progress = new Progress(terminal);
  const told = (now: ReplayStatus) => show(progress, now);
  const options = { speed: wanted, turnShare: 0.1 };
  const here = await asWriter(terminal, (writer) => writer.replay(path, options, told));
  progress.clear();
  if (here !== null) return ended(print, here, 'stopped; the same command goes on there');
  const client = remoteClient(terminal);
  let now = await client.post<ReplayStatus>('/replays', { file: path, ...(wanted === null ? {} : { speed: wanted }) });
  if (!wait) {
    print(now, `${now.pipeline}: ${count(now.total)} records are being replayed`);
    return exitCodes.done;
  }
  let going = true;
  const interrupted = terminal.interrupted().then(() => {
    going = false;
  });
  while (going && (now.state === 'history' || now.state === 'replaying')) {
    told(now);
    await Promise.race([interrupted, new Promise((done) => setTimeout(done, pollMs))]);
    const { replays } = await client.get<Status>('/status');
    now = replays.find((one) => one.pipeline === now.pipeline) ?? now;
  }
  progress.clear();
  return ended(print, now, 'it goes on without this command');
}

function show(progress: Progress, { pipeline, state, done, total }: ReplayStatus): void {
  progress.show(done / Math.max(1, total), `${pipeline}: ${state}, ${count(done)} of ${count(total)} records`);
}

function ended(print: Action['print'], now: ReplayStatus, unfinished: string): ExitCode {
  if (now.state === 'failed')
    throw new RelearnError('INTERNAL', `the replay has failed: ${now.detail}`, {
      remedy: 'The log of the process that replays says more.',
    });
  print(
    now,
    now.state === 'done'
      ? `${now.pipeline}: all ${count(now.total)} records are replayed`
      : `${now.pipeline}: ${unfinished}`,
  );
  return exitCodes.done;
}

/** Writes from this process where engines are shared; null where one process has them, which then has to be asked. */
async function asWriter<T>(terminal: Terminal, work: (writer: Writer) => Promise<T>): Promise<T | null> {
  if (!terminal.env['RELEARN_BUS'] && !terminal.env['RELEARN_BUS_FILE']) return null;
  const platform = await loadPlatform();
  const config = platform.readConfig(terminal.env);
  if (config.engines.kind === 'embedded') return null;
  const telemetry = await telemetryFor(terminal, config);
  const stopping = new AbortController();
  void terminal.interrupted().then(() => stopping.abort());
  const kernel = platform.processKernel(config.failpoints);
  const writer = await platform.Writer.open({ config, kernel, telemetry, signal: stopping.signal });
  try {
    return await work(writer);
  } finally {
    await writer.close();
    await telemetry.stop();
  }
}

function pathOf(pipeline: string, what: string): string {
  return `/pipelines/${encodeURIComponent(pipeline)}/${what}`;
}

function modelNumber(text: string): number {
  const model = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (model >= 1 && model < 2 ** 32) return model;
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
