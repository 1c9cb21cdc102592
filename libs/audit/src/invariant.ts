import type { Attributes, LoggedEvent, Topic } from '@relearn/contracts';
import type { Verdict } from '@relearn/runtime';

/** One breach of a promise. */
export interface Violation {
  readonly invariant: string;
  readonly pipeline: string;
  readonly message: string;
  /** Id of the event at which it shows. */
  readonly event?: string;
}

export type Report = (violation: Omit<Violation, 'invariant'>) => void;

/** An event's attributes and place, without its data. */
export type LoggedAttributes = Attributes & Pick<LoggedEvent, 'topic' | 'partition' | 'position'>;

/** A record of the log as its headers tell, also where it is no readable event. */
export interface RecordPlace {
  readonly topic: Topic;
  readonly partition: number;
  readonly position: number;
  readonly pipeline: string;
  /** How many data records it says it holds. */
  readonly records: number;
  /** A dead letter on its way back: its records were counted when they came first. */
  readonly replayed: boolean;
}

/**
 * One promise, checked over the log. Topics are read one after another, `control` first, then in the order of the
 * checker's list; each partition in its order. Events come through the sequence rule: a second copy is not seen.
 */
export interface Invariant {
  readonly name: string;
  /** Topics whose events `take` wants with their data. */
  readonly topics: readonly Topic[];
  /** Rows of a batch below `fromRow` came before in another copy. */
  take?(event: LoggedEvent, fromRow: number, report: Report): void;
  /** Every record of every topic, copies and unreadable ones included. */
  stored?(record: RecordPlace): void;
  /** Every readable event of every topic, copies included, with what the sequence rule says of it. */
  judged?(event: LoggedAttributes, verdict: Verdict, report: Report): void;
  /** Called once at the end of the log. */
  finish?(report: Report, breath: Breath): Promise<void> | void;
}

/** Lets other work run when this one has had the thread for some time. */
export type Breath = () => Promise<void>;

/** State by pipeline, made when first asked for. */
export class PerPipeline<T> {
  private readonly states = new Map<string, T>();
  private readonly make: () => T;

  constructor(make: () => T) {
    this.make = make;
  }

  of(pipeline: string): T {
    let state = this.states.get(pipeline);
    if (state === undefined) {
      state = this.make();
      this.states.set(pipeline, state);
    }
    return state;
  }

  all(): IterableIterator<[string, T]> {
    return this.states.entries();
  }
}
