import { RelearnError } from './errors.js';

/** A part with a start and a stop. */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts parts in order and stops them in reverse. A failed start stops what had started; `stop` runs once. */
export class Lifecycle {
  private readonly parts: Part[] = [];
  private started: Part[] = [];
  private stopping: Promise<void> | undefined;

  add(part: Part): this {
    this.parts.push(part);
    return this;
  }

  async start(): Promise<void> {
    for (const part of this.parts) {
      try {
        await part.start();
      } catch (thrown) {
        await this.stop();
        throw thrown;
      }
      this.started.push(part);
    }
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    const failures: string[] = [];
    for (const part of this.started.reverse()) {
      try {
        await part.stop();
      } catch (thrown) {
        failures.push(`${part.name}: ${RelearnError.from(thrown).message}`);
      }
    }
    this.started = [];
    if (failures.length > 0) throw new RelearnError('INTERNAL', `stopping failed: ${failures.join('; ')}`);
  }
}
