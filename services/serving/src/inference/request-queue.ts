import { type Clock, type MachineMs, RelearnError } from '@relearn/kernel';
import type { Job, JobAnswer } from './batcher.js';

/** Priorities go from 1, which runs first, to this one. */
export const lowestPriority = 3;
export const defaultPriority = 2;

export interface Waiting {
  readonly job: Job;
  readonly since: MachineMs;
  readonly resolve: (answer: JobAnswer) => void;
  readonly reject: (error: RelearnError) => void;
  timeout: ReturnType<Clock['after']> | undefined;
  gone: boolean;
  attempts: number;
}

interface Group {
  queue: Waiting[];
  rows: number;
}

export interface Taking {
  /** Most rows in one run of several such requests. */
  readonly mostRows: (job: Job) => number;
  /** Is it still to be run? `surplus`: there are enough without it to fill the run. */
  readonly isWanted: (waiting: Waiting, surplus: boolean) => boolean;
}

/**
 * Requests that wait. A higher priority goes before a lower one, groups of one priority take turns; what room a run has left
 * goes to its group's lower priorities.
 */
export class RequestQueue {
  /**
   * By priority, the first to run first. The only group of its priority stays when it is empty: what is put anew into a Map all the
   * time ages V8's heap.
   */
  private readonly levels = Array.from({ length: lowestPriority }, () => new Map<string, Group>());

  push(waiting: Waiting): void {
    const { job } = waiting;
    const groups = this.levels[levelOf(job)];
    if (groups === undefined) throw new RelearnError('INTERNAL', `there is no priority ${job.priority}`);
    const group = groups.get(job.group);
    if (group === undefined) groups.set(job.group, { queue: [waiting], rows: job.rows });
    else {
      group.queue.push(waiting);
      group.rows += job.rows;
    }
  }

  /** The first of what is to be taken next, where that could hold no more than it does. */
  wholeRun(mostRows: (job: Job) => number): Job | undefined {
    for (const groups of this.levels) {
      for (const { queue, rows } of groups.values()) {
        const job = queue[0]?.job;
        if (job === undefined) continue;
        return rows >= mostRows(job) || !job.target.batchable ? job : undefined;
      }
    }
    return undefined;
  }

  /** Rows of the job's group that run before it would, were it the last to come. */
  rowsBefore(job: Job): number {
    let rows = 0;
    for (const groups of this.levels.slice(0, levelOf(job) + 1)) rows += groups.get(job.group)?.rows ?? 0;
    return rows;
  }

  /** Keeps those who are wanted. */
  sweep(isWanted: (waiting: Waiting) => boolean): void {
    for (const groups of this.levels) {
      for (const [key, { queue }] of groups) {
        const wanted = queue.filter((waiting) => !waiting.gone && isWanted(waiting));
        if (wanted.length > 0) groups.set(key, { queue: wanted, rows: rowsOf(wanted) });
        else groups.delete(key);
      }
    }
  }

  /** The next group's waiting jobs, up to the most rows; the group goes to the end of the line. */
  take(taking: Taking): Waiting[] | undefined {
    for (const [level, groups] of this.levels.entries()) {
      for (const [key, group] of groups) {
        const batch: Waiting[] = [];
        moveInto(batch, group, taking);
        if (groups.size > 1) {
          groups.delete(key);
          if (group.queue.length > 0) groups.set(key, group);
        }
        if (batch.length === 0) continue;
        for (const lower of this.levels.slice(level + 1)) fillUp(batch, lower, key, taking);
        return batch;
      }
    }
    return undefined;
  }
}

function levelOf({ priority = defaultPriority }: Job): number {
  return priority - 1;
}

function fillUp(batch: Waiting[], groups: Map<string, Group>, key: string, taking: Taking): void {
  const group = groups.get(key);
  if (group === undefined) return;
  moveInto(batch, group, taking);
  if (group.queue.length === 0 && groups.size > 1) groups.delete(key);
}

/** Takes from the front of the queue what fits. */
function moveInto(batch: Waiting[], group: Group, { mostRows, isWanted }: Taking): void {
  const first = (batch[0] ?? group.queue[0])?.job;
  if (first === undefined) return;
  const most = mostRows(first);
  let rows = rowsOf(batch);
  let taken = 0;
  for (const waiting of group.queue) {
    const { job } = waiting;
    const full = batch.length > 0 && (!job.target.batchable || rows + job.rows > most);
    if (full) break;
    taken += 1;
    group.rows -= job.rows;
    if (waiting.gone || !isWanted(waiting, rows + group.rows >= most)) continue;
    batch.push(waiting);
    rows += job.rows;
  }
  group.queue.splice(0, taken);
}

export function rowsOf(batch: readonly Waiting[]): number {
  return batch.reduce((sum, { job }) => sum + job.rows, 0);
}
