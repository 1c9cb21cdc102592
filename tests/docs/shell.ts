import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './markdown.js';

/** What a reader's folder holds beside the clone: it begins without these. */
const notLinked = new Set(['.git', 'data', 'my', 'coverage']);

export interface Done {
  readonly code: number | null;
  readonly output: string;
}

/**
 * A clone of its own in a temporary folder, on ports of its own: addresses that the documents name are replaced, so that
 * a platform which runs on this machine is left alone.
 */
export class Reader {
  readonly folder: string;
  private readonly http: string;
  private readonly grpc: string;
  private service: { readonly child: ChildProcess; readonly ended: Promise<void>; output: string } | undefined;

  private constructor(http: number, grpc: number) {
    this.http = `127.0.0.1:${http}`;
    this.grpc = `127.0.0.1:${grpc}`;
    this.folder = mkdtempSync(join(tmpdir(), 'relearn-docs-'));
    for (const name of readdirSync(root)) {
      if (!notLinked.has(name)) symlinkSync(join(root, name), join(this.folder, name));
    }
  }

  static async open(): Promise<Reader> {
    return new Reader(await freePort(), await freePort());
  }

  run(command: string): Promise<Done> {
    const child = this.spawn(`set -eu\n${command}`);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
  }

  /** Starts what keeps running, in place of what ran before, and waits until it takes requests. Throws with its output. */
  async serve(command: string): Promise<void> {
    await this.stop();
    const child = this.spawn(command);
    const service = { child, ended: new Promise<void>((resolve) => child.once('close', () => resolve())), output: '' };
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (service.output += String(text)));
    this.service = service;
    while (!(await this.answers('/readyz'))) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}:\n${service.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Whether the running platform answers the path with 200. */
  async answers(path: string): Promise<boolean> {
    try {
      return (await fetch(`http://${this.http}${path}`)).ok;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    const { service } = this;
    this.service = undefined;
    if (service?.child.pid === undefined || service.child.exitCode !== null) return;
    // npm does not hand every signal on: the whole group of processes is told.
    process.kill(-service.child.pid, 'SIGTERM');
    await service.ended;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn(command: string): ChildProcess {
    const text = command.replaceAll('127.0.0.1:8080', this.http).replaceAll('127.0.0.1:8001', this.grpc);
    const { NODE_OPTIONS: _, VITEST: __, ...inherited } = process.env;
    const env = { ...inherited, RELEARN_HTTP: this.http, RELEARN_GRPC: this.grpc, RELEARN_URL: `http://${this.http}` };
    return spawn('sh', ['-c', text], { cwd: this.folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
