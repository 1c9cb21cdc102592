import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs a program in the repository's root.
 * @param {string} program
 * @param {readonly string[]} words
 * @returns {Promise<{ code: number | null, out: string, err: string }>}
 */
export function run(program, words, env = {}) {
  const child = spawn(program, words, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (text) => (texts.out += String(text)));
  child.stderr.on('data', (text) => (texts.err += String(text)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
}

/** The containers of one compose project. */
export class Compose {
  /** @param {readonly string[]} options before the command, such as `--env-file FILE` */
  constructor(options) {
    this.options = options;
  }

  /** Runs `docker compose`; answers its output. Throws with what it said when it fails. */
  async do(...words) {
    const { code, out, err } = await run('docker', ['compose', '--progress', 'plain', ...this.options, ...words]);
    if (code === 0) return out;
    throw new Error(`docker compose ${words.join(' ')} ended with ${code}:\n${err}${out}`);
  }

  /** The names of all services of the active profiles. */
  async services() {
    const lines = await this.do('config', '--services');
    return lines.trim().split('\n').sort();
  }

  /** What runs, ended or restarts, a line of state a container. */
  async states() {
    const lines = await this.do('ps', '--all', '--format', 'json');
    return lines
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .map(({ Service, State, Health, ExitCode, ID }) => ({
        service: Service,
        state: State,
        health: Health,
        exitCode: ExitCode,
        id: ID,
      }));
  }

  /** Undefined while there is no container of the service. */
  async stateOf(service) {
    const states = await this.states();
    return states.find((one) => one.service === service);
  }

  /** How often the engine has started the service's container again by its restart policy. */
  async restarts(service) {
    const { out } = await run('docker', ['inspect', '--format', '{{.RestartCount}}', await this.idOf(service)]);
    return Number(out);
  }

  /** When the service's container was started, ISO 8601. */
  async startOf(service) {
    const { out } = await run('docker', ['inspect', '--format', '{{.State.StartedAt}}', await this.idOf(service)]);
    return out.trim();
  }

  async idOf(service) {
    return (await this.do('ps', '--all', '--quiet', service)).trim();
  }

  /** Kills every process in the container but its init, as a crash would end it. */
  async crash(service) {
    await run('docker', ['compose', ...this.options, 'exec', '-T', service, 'sh', '-c', 'kill -9 -1']);
  }

  /** The greatest memory that each container has used, in bytes, where its image has a shell's tools to tell. */
  async peakMemory(service) {
    const words = ['compose', ...this.options, 'exec', '-T', service, 'cat', '/sys/fs/cgroup/memory.peak'];
    const { code, out } = await run('docker', words);
    return code === 0 ? Number(out) : null;
  }

  /** Memory and share of the processors of each container now. */
  async stats() {
    const ids = (await this.do('ps', '--quiet')).trim().split('\n');
    const { out } = await run('docker', ['stats', '--no-stream', '--format', 'json', ...ids]);
    return new Map(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ Name, MemUsage, CPUPerc }) => [Name, { memory: MemUsage, cpu: CPUPerc }]),
    );
  }
}
