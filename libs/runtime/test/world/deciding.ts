import { decodeEvent } from '@relearn/contracts';
import { aggregateCollection, decodeAggregate, type DeciderPart, deciderPart } from '@relearn/runtime';
import type { Durable } from './durable.js';
import { readOnce } from './log.js';
import { type ProcessOptions, TestProcess } from './process.js';
import { toyDecider, type toyDone, type ToyState, type Work } from './toy-decider.js';

export const tick = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms));
export const square: Work = async (n) => n * n;

export interface Running {
  readonly process: TestProcess;
  readonly part: DeciderPart<ToyState>;
}

export async function run(
  durable: Durable,
  options: ProcessOptions = {},
  work: Work = square,
  reminderMs?: number,
): Promise<Running> {
  const process = new TestProcess(durable, options);
  const part = deciderPart(process.ports, toyDecider(work, reminderMs));
  await process.start([part]);
  return { process, part };
}

/** Numbers by what the toy said of them, as a reader of the log has it, in the order of the log. */
export async function said(durable: Durable, type: typeof toyDone, pipeline = 'a'): Promise<number[]> {
  const events = await readOnce(durable.bus, 'control');
  return events.flatMap(({ event }) => (type.is(event) && event.pipeline === pipeline ? [event.data.n] : []));
}

export async function stored(durable: Durable, pipeline = 'a') {
  const found = await durable.store.get(aggregateCollection('toy'), pipeline);
  return found === null ? null : decodeAggregate(found.body);
}

export async function copies(durable: Durable): Promise<number> {
  const records = await durable.bus.read('control', 0, 0, { maxRecords: 10_000, maxBytes: 1 << 30 });
  const ids = records.map((record) => decodeEvent(record).id);
  return ids.length - new Set(ids).size;
}
