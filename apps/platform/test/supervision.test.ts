import { type Clock, systemClock } from '@relearn/kernel';
import { createLog } from '@relearn/telemetry';
import { describe, expect, test } from 'vitest';
import { type Child, type Ending, Supervision } from '../src/processes/supervision.js';

/** Time that stands until somebody moves it. */
class StandingClock {
  private at = 0;
  private sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  readonly clock: Clock = {
    ...systemClock,
    now: () => this.at,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const wake = () => {
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        this.sleepers.push({ until: this.at + ms, wake });
        signal?.addEventListener('abort', wake);
      }),
  };

  async pass(ms: number): Promise<void> {
    this.at += ms;
    const due = this.sleepers.filter(({ until }) => until <= this.at);
    this.sleepers = this.sleepers.filter(({ until }) => until > this.at);
    for (const { wake } of due) wake();
    await settled();
  }
}

/** Lets all go on that waits for nothing but its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

class Forked implements Child {
  readonly index: number;
  readonly siblingsServe: boolean;
  readonly ended: Promise<Ending>;
  readonly serving: Promise<void>;
  stopped = false;
  killed = false;
  hangs = false;
  private resolveEnded: (ending: Ending) => void = () => undefined;
  private resolveServing: () => void = () => undefined;

  constructor(index: number, siblingsServe: boolean) {
    this.index = index;
    this.siblingsServe = siblingsServe;
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.serving = new Promise((resolve) => {
      this.resolveServing = resolve;
    });
  }

  async serves(): Promise<void> {
    this.resolveServing();
    await settled();
  }

  async ends(ending: Partial<Ending>): Promise<void> {
    this.resolveEnded({ code: null, signal: null, ...ending });
    await settled();
  }

  async answers(): Promise<boolean> {
    return !this.hangs;
  }

  stop(): void {
    this.stopped = true;
  }

  kill(): void {
    this.killed = true;
    void this.ends({ signal: 'SIGKILL' });
  }
}

class Given {
  readonly time = new StandingClock();
  readonly forked: Forked[] = [];
  readonly supervision: Supervision<Forked>;
  exitCode: number | undefined;

  constructor(processes: number) {
    this.supervision = new Supervision({
      processes,
      clock: this.time.clock,
      log: createLog({ level: 'silent' }),
      fork: (index, siblingsServe) => {
        const child = new Forked(index, siblingsServe);
        this.forked.push(child);
        return child;
      },
    });
    void this.supervision.run().then((code) => {
      this.exitCode = code;
    });
  }

  /** The latest with the index. */
  child(index: number): Forked {
    const child = this.forked.findLast((one) => one.index === index);
    if (child === undefined) throw new Error(`process ${index} was never forked`);
    return child;
  }

  get indexes(): number[] {
    return this.forked.map(({ index }) => index);
  }
}

async function allServe(processes: number): Promise<Given> {
  const given = new Given(processes);
  await given.child(0).serves();
  for (let index = 1; index < processes; index++) await given.child(index).serves();
  return given;
}

const killed = { signal: 'SIGKILL' };

describe('a start', () => {
  test('given three processes, then the first begins alone, and the others once it answers requests', async () => {
    const given = new Given(3);
    await settled();
    expect(given.indexes).toEqual([0]);
    await given.child(0).serves();
    expect(given.indexes).toEqual([0, 1, 2]);
    expect(given.forked.map(({ siblingsServe }) => siblingsServe)).toEqual([false, true, true]);
  });

  test('given bad input, when the first ends by it, then all ends with its code', async () => {
    const given = new Given(2);
    await given.child(0).ends({ code: 2 });
    expect(given.exitCode).toBe(2);
    expect(given.indexes).toEqual([0]);
  });

  test('given a first process that always dies, then it is tried five times, later each time', async () => {
    const given = new Given(2);
    for (const delay of [250, 500, 1_000, 2_000]) {
      await given.child(0).ends({ code: 1 });
      const before = given.forked.length;
      await given.time.pass(delay - 1);
      expect(given.forked).toHaveLength(before);
      await given.time.pass(1);
      expect(given.forked).toHaveLength(before + 1);
    }
    expect(given.exitCode).toBeUndefined();
    await given.child(0).ends({ code: 1 });
    expect(given.exitCode).toBe(1);
    expect(given.indexes).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('a process that dies', () => {
  test('is replaced, behind the doors of those that live', async () => {
    const given = await allServe(2);
    await given.child(1).ends(killed);
    await given.time.pass(250);
    expect(given.indexes).toEqual([0, 1, 1]);
    expect(given.child(1).siblingsServe).toBe(true);
    expect(given.child(0).stopped).toBe(false);
  });

  test('as the last that answers is replaced by one that opens its doors at once', async () => {
    const given = await allServe(2);
    await given.child(0).ends(killed);
    await given.child(1).ends(killed);
    await given.time.pass(250);
    expect(given.forked.slice(2).map(({ siblingsServe }) => siblingsServe)).toEqual([false, false]);
  });

  test('is replaced for ever while another answers, every half a minute at last', async () => {
    const given = await allServe(2);
    for (let count = 0; count < 20; count++) {
      await given.child(1).ends({ code: 2 });
      await given.time.pass(30_000);
    }
    expect(given.exitCode).toBeUndefined();
    const before = given.forked.length;
    await given.child(1).ends({ code: 1 });
    await given.time.pass(29_999);
    expect(given.forked).toHaveLength(before);
    await given.time.pass(1);
    expect(given.forked).toHaveLength(before + 1);
  });

  test('after a minute is replaced as soon as the first time', async () => {
    const given = await allServe(2);
    for (const delay of [250, 500]) {
      await given.child(1).ends(killed);
      await given.time.pass(delay);
    }
    await given.time.pass(60_000);
    const before = given.forked.length;
    await given.child(1).ends(killed);
    await given.time.pass(250);
    expect(given.forked).toHaveLength(before + 1);
  });
});

describe('a process that hangs', () => {
  test('is ended once it has not answered four times in a row, and replaced', async () => {
    const given = await allServe(2);
    given.child(1).hangs = true;
    for (let asked = 1; asked < 4; asked++) await given.time.pass(5_000);
    expect(given.child(1).killed).toBe(false);
    const hanging = given.child(1);
    await given.time.pass(5_000);
    expect(hanging.killed).toBe(true);
    expect(given.child(0).killed).toBe(false);
    await given.time.pass(250);
    expect(given.indexes).toEqual([0, 1, 1]);
  });

  test('and comes to itself in time is left alone', async () => {
    const given = await allServe(2);
    for (let times = 0; times < 10; times++) {
      given.child(1).hangs = times % 4 !== 3;
      await given.time.pass(5_000);
    }
    expect(given.child(1).killed).toBe(false);
  });

  test('while all are asked to end is left to end', async () => {
    const given = await allServe(2);
    given.child(1).hangs = true;
    given.supervision.stop();
    for (let asked = 0; asked < 8; asked++) await given.time.pass(5_000);
    expect(given.child(1).killed).toBe(false);
  });
});

describe('an end', () => {
  test('given two that run, when it is asked for, then both are asked and waited for', async () => {
    const given = await allServe(2);
    given.supervision.stop();
    expect(given.forked.map(({ stopped }) => stopped)).toEqual([true, true]);
    await given.child(0).ends({ code: 0 });
    expect(given.exitCode).toBeUndefined();
    await given.child(1).ends({ code: 0 });
    expect(given.exitCode).toBe(0);
  });

  test('given one that does not end well, then the code says so', async () => {
    const given = await allServe(2);
    given.supervision.stop();
    await given.child(1).ends(killed);
    await given.child(0).ends({ code: 0 });
    expect(given.exitCode).toBe(1);
  });

  test('given one that waits to be replaced, then it is not', async () => {
    const given = await allServe(2);
    await given.child(1).ends(killed);
    given.supervision.stop();
    await given.child(0).ends({ code: 0 });
    await given.time.pass(60_000);
    expect(given.indexes).toEqual([0, 1]);
    expect(given.exitCode).toBe(0);
  });

  test('given a start that is under way, then no other is begun', async () => {
    const given = new Given(2);
    given.supervision.stop();
    await given.child(0).ends({ code: 1 });
    expect(given.indexes).toEqual([0]);
    expect(given.exitCode).toBe(0);
  });
});
