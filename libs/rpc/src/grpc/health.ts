import { RelearnError } from '@relearn/kernel';
import type { CallContext, ServerStreaming, Unary } from '../port.js';
import { serviceOf } from '../service.js';

export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: ServingStatus;
}

interface HealthHandlers {
  check: Unary<HealthRequest, HealthResponse>;
  watch: ServerStreaming<HealthRequest, HealthResponse>;
}

export const healthService = serviceOf<HealthHandlers>('grpc/health/v1/health.proto', 'grpc.health.v1.Health');

/** The states that grpc.health.v1 reports: one a service, and the whole server's under the empty name. */
export class HealthBoard {
  private readonly states = new Map<string, ServingStatus>();
  private readonly watchers = new Set<() => void>();
  private closed = false;

  readonly handlers: HealthHandlers = {
    check: async ({ service }) => {
      const status = this.states.get(service);
      if (status === undefined) throw new RelearnError('NOT_FOUND', `service '${service}' is not offered here`);
      return { status };
    },
    watch: ({ service }, context) => this.follow(service, context),
  };

  set(service: string, status: 'SERVING' | 'NOT_SERVING'): void {
    if (this.closed) return;
    this.states.set(service, status);
    this.tell();
  }

  /** Everything is NOT_SERVING from here on; watchers hear it and end. */
  close(): void {
    for (const service of this.states.keys()) this.states.set(service, 'NOT_SERVING');
    this.closed = true;
    this.tell();
  }

  private tell(): void {
    for (const wake of [...this.watchers]) wake();
  }

  private async *follow(service: string, context: CallContext): AsyncGenerator<HealthResponse> {
    let last: ServingStatus | undefined;
    while (!context.signal.aborted) {
      const status = this.states.get(service) ?? 'SERVICE_UNKNOWN';
      if (status !== last) {
        last = status;
        yield { status };
      } else {
        if (this.closed) return;
        await this.change(context.signal);
      }
    }
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.watchers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.watchers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}
