import { userInfo } from 'node:os';
import { type ErrorCode, errorCodes, type ErrorPlace, RelearnError } from '@relearn/kernel';
import { openStores, type ReadApi } from './platform.js';
import type { FileError } from './exit.js';
import type { Terminal } from './terminal.js';

/** The REST API of a running platform, below `/api/v1`. Answers are what the OpenAPI document says of the path. */
export interface Client {
  /** Where the answers come from: an address, or a folder. */
  readonly from: string;
  get<T>(path: string): Promise<T>;
  /** Fetches a file. */
  download(path: string): Promise<Uint8Array>;
  post<T>(path: string, body: object): Promise<T>;
  /** Sends a file. */
  upload<T>(path: string, bytes: Uint8Array): Promise<T>;
  close(): Promise<void>;
}

export function addressOf(terminal: Terminal): string {
  return (terminal.env['RELEARN_URL'] || 'http://127.0.0.1:8080').replace(/\/+$/, '');
}

/** A client of what listens at RELEARN_URL. Its calls throw UNAVAILABLE where nothing does. */
export function remoteClient(terminal: Terminal): Client {
  const address = addressOf(terminal);
  const ask = async <T>(path: string, init: RequestInit): Promise<T> => {
    const answer = await reach(address, path, init);
    return readAnswer<T>(answer.status, await answer.text());
  };
  return {
    from: address,
    get: (path) => ask(path, {}),
    async download(path) {
      const answer = await reach(address, path, {});
      return readFile(answer.status, new Uint8Array(await answer.arrayBuffer()));
    },
    post: (path, body) => {
      const headers = { 'content-type': 'application/json', 'relearn-actor': actor() };
      return ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
    },
    upload: (path, bytes) => {
      const headers = { 'content-type': 'application/octet-stream', 'relearn-actor': actor() };
      return ask(path, { method: 'POST', headers, body: bytes });
    },
    close: () => Promise.resolve(),
  };
}

/** For commands that only read: with nothing listening at RELEARN_URL the stores of RELEARN_DATA are opened. */
export async function readingClient(terminal: Terminal): Promise<Client> {
  const remote = remoteClient(terminal);
  try {
    const answer = await reach(remote.from, '/openapi.json', {});
    // An answer that nobody reads keeps its connection, and that the process.
    await answer.text();
    return remote;
  } catch (thrown) {
    if (!(thrown instanceof RelearnError) || thrown.code !== 'UNAVAILABLE') throw thrown;
    const { api, folder } = await openStores(terminal);
    return localClient(api, folder);
  }
}

function localClient(api: ReadApi, folder: string): Client {
  const refuse = () => Promise.reject(new RelearnError('UNAVAILABLE', 'nothing serves that could be told to write'));
  return {
    from: folder,
    async get(path) {
      const { status, body } = await api.get(path);
      return readAnswer(status, Buffer.from(body).toString('utf8'));
    },
    async download(path) {
      const { status, body } = await api.get(path);
      return readFile(status, body);
    },
    post: refuse,
    upload: refuse,
    close: () => api.close(),
  };
}

async function reach(address: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${address}/api/v1${path}`, init);
  } catch (thrown) {
    throw new RelearnError('UNAVAILABLE', `nothing answers at ${address}`, {
      cause: thrown,
      remedy: 'Start it with `relearn up`, or set RELEARN_URL to where it listens.',
    });
  }
}

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly place: ErrorPlace | null;
  readonly errors?: readonly FileError[];
}

/** The boundary at which a server's answer becomes a value; an error that it tells becomes one of ours. */
function readAnswer<T>(status: number, text: string): T {
  let body: T | { readonly error: ErrorBody };
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw new RelearnError('UNAVAILABLE', `what answers is no Relearn: status ${status}, no JSON`, {
      cause: thrown,
      remedy: 'Check RELEARN_URL.',
    });
  }
  if (status < 400) return body as T;
  const { error } = body as { readonly error?: ErrorBody };
  if (error === undefined) throw new RelearnError('UNAVAILABLE', `what answers is no Relearn: status ${status}`);
  const { message, remedy, place, errors } = error;
  const code = isCode(error.code) ? error.code : 'INTERNAL';
  const told = new RelearnError(code, message, { remedy, ...(place === null ? {} : { place }) });
  throw errors === undefined ? told : Object.assign(told, { errors });
}

/** A file, or the error in its place. */
function readFile(status: number, body: Uint8Array): Uint8Array {
  if (status < 400) return body;
  return readAnswer(status, Buffer.from(body).toString('utf8'));
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function actor(): string {
  return `cli:${userInfo().username}`;
}
