import type { Trust } from '@relearn/bundles';
import type { DataOf, Event, EventType, LoggedEvent } from '@relearn/contracts';
import type { Decision } from '@relearn/runtime';
import { decide } from '../src/domain/decide.js';
import { evolve } from '../src/domain/evolve.js';
import { type PipelineState, unknownPipeline } from '../src/domain/state.js';

/** A registry's aggregate that is told events and commands, and what it made of each. */
export class ToldRegistry {
  state: PipelineState = unknownPipeline;
  private position = 0;
  private readonly own: Event[] = [];
  private readonly trust: Trust | undefined;
  private readonly facts: ReadonlyMap<string, Uint8Array>;

  /** Bundles that can be fetched, by digest, and whose may become champion; by default anybody's. */
  constructor(facts: ReadonlyMap<string, Uint8Array> = new Map(), trust?: Trust) {
    this.facts = facts;
    this.trust = trust;
  }

  /** Short names of the events that follow. */
  given<T extends EventType>(type: T, data: DataOf<T>, version = this.state.version): string[] {
    const event = this.logged(type.type, data, version);
    const decision = decide(this.state, event, this.facts, this.trust);
    this.state = evolve(this.state, event);
    return this.then(decision);
  }

  told(command: (state: PipelineState) => Decision): string[] {
    return this.then(command(this.state));
  }

  /** The data of the last own event of the type. */
  last<T extends EventType>(type: T): DataOf<T> | undefined {
    return this.own.findLast((event) => type.is(event))?.data as DataOf<T> | undefined;
  }

  private then({ events = [] }: Decision): string[] {
    const made = events.map(({ type, data, pipelineVersion }) => this.logged(type.type, data, pipelineVersion));
    for (const event of made) {
      this.own.push(event);
      this.state = evolve(this.state, event);
    }
    return made.map(({ type }) => type.replace(/^relearn\.(.*)\.v1$/, '$1'));
  }

  private logged(type: string, data: unknown, version: number): LoggedEvent {
    this.position += 1;
    const place = { topic: 'control' as const, partition: 0, position: this.position };
    const attributes = { id: `e${this.position}`, source: 's', sequence: this.position, previous: null };
    return {
      ...attributes,
      ...place,
      type,
      time: '2024-01-01T00:00:00.000Z',
      pipeline: 'p',
      pipelineversion: version,
      data,
    };
  }
}
