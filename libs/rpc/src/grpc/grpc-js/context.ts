import type { Metadata } from '@grpc/grpc-js';
import type { Clock } from '@relearn/kernel';
import type { CallContext } from '../../port.js';

/** What the calls of grpc-js have in common, whatever they stream. */
interface ServerCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
}

/** The call's context; signal and metadata are made when asked for, since most calls never ask. */
export class GrpcCallContext implements CallContext {
  readonly deadline: number;
  private readonly call: ServerCall;
  private controller: AbortController | undefined;
  private texts: Readonly<Record<string, string>> | undefined;
  private answered = false;

  constructor(call: ServerCall, clock: Clock) {
    this.call = call;
    const deadline = Number(call.getDeadline());
    this.deadline = Number.isFinite(deadline) ? clock.now() + deadline - clock.wall() : Number.POSITIVE_INFINITY;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController();
      this.controller = controller;
      const gone = () => {
        if (!this.answered) controller.abort();
      };
      if (this.call.cancelled) gone();
      else this.call.once('cancelled', gone);
    }
    return this.controller.signal;
  }

  get cancelled(): boolean {
    return this.call.cancelled && !this.answered;
  }

  /** grpc-js reports the end of an answered call as a cancellation too; nobody hears that one. */
  end(): void {
    this.answered = true;
  }

  get metadata(): Readonly<Record<string, string>> {
    this.texts ??= textsOf(this.call.metadata);
    return this.texts;
  }
}

function textsOf(metadata: Metadata): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') texts[name] = value;
  }
  return texts;
}
