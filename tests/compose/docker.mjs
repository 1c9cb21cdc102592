import { spawn } from 'node:child_process';
import { request } from 'node:http';
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

/**
 * Asks the engine itself, where its own command line only tells rounded figures.
 * @param {string} path
 * @returns {Promise<any>}
 */
function askEngine(path) {
  const socketPath = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace('unix://', '');
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += String(chunk)));
      answer.once('end', () => resolve(JSON.parse(text)));
    });
    asking.once('error', reject).end();
  });
}

/** What a container has used: processor time since its start in ms, memory now without what is only cached, bytes. */
export async function usageOf(id) {
  const { cpu_stats: cpu, memory_stats: memory } = await askEngine(
    `/containers/${id}/stats?stream=false&one-shot=true`,
  );
  const cached = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
  return { cpuMs: cpu.cpu_usage.total_usage / 1e6, memory: memory.usage - cached };
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

  /** The greatest memory that a container has used, in bytes; null where its image has no shell's tools to tell. */
  async peakMemory(service) {
    // The first is there with cgroups of version 2, the second with version 1.
    const files = ['/sys/fs/cgroup/memory.peak', '/sys/fs/cgroup/memory/memory.max_usage_in_bytes'];
    const words = ['compose', ...this.options, 'exec', '-T', service, 'cat', ...files];
    const { out } = await run('docker', words);
    const bytes = Number.parseInt(out, 10);
    return Number.isNaN(bytes) ? null : bytes;
  }

  /** Whether the container answers its own health check now, which the engine asks only every few seconds. */
  async answers(service) {
    const { out } = await run('docker', [
      'inspect',
      '--format',
      '{{json .Config.Healthcheck}}',
      await this.idOf(service),
    ]);
    const [kind, ...words] = JSON.parse(out || 'null')?.Test ?? ['NONE'];
    if (kind === 'NONE') return (await this.stateOf(service))?.state === 'running';
    const { code } = await run('docker', ['compose', ...this.options, 'exec', '-T', service, ...words]);
    return code === 0;
  }
}
