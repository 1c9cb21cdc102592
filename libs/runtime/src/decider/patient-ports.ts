import { type RetryOptions, retry } from '@relearn/kernel';
import type { Ports } from '../ports.js';

/**
 * The ports as a job gets them: its blobs and what it reads of the store are waited for while they are away, until the job is
 * cancelled. A job computes for minutes; an outage of seconds must not throw that away, nor end a turn.
 */
export function patientPorts(ports: Ports, service: string, signal: AbortSignal): Ports {
  const { kernel, telemetry, store, blobs } = ports;
  const options: RetryOptions = {
    clock: kernel.clock,
    chance: kernel.chance,
    signal,
    onRetry: (error, attempt) => {
      telemetry.metrics.retries.add({ service, code: error.code });
      if (attempt % 10 === 1) telemetry.log.warn({ service, code: error.code, attempt }, error.message);
    },
  };
  return {
    ...ports,
    store: patient(store, ['get', 'list'], options),
    blobs: patient(blobs, ['put', 'get', 'has', 'list'], options),
  };
}

/** The port itself, but that these of its methods, which may be called twice, are called again while their errors may pass. */
function patient<P extends object>(port: P, methods: readonly (keyof P)[], options: RetryOptions): P {
  const again: ReadonlySet<unknown> = new Set(methods);
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (!again.has(name)) return member.bind(target) as unknown;
      return (...given: unknown[]) =>
        retry(options, async () => (await Reflect.apply(member, target, given)) as unknown);
    },
  });
}
