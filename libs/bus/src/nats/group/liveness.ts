import type { MachineMs } from '@relearn/kernel';
import type { TableMember } from './table.js';

/**
 * Who has given no sign of life for the lease's duration, on this process's own monotonic clock. Only what was watched without
 * a gap counts: after a time in which the watcher was stopped, or could not read, everybody begins anew.
 */
export class Liveness {
  private readonly leaseMs: number;
  private readonly seen = new Map<string, { readonly beat: number; readonly since: MachineMs }>();
  private lastLook: MachineMs = Number.NEGATIVE_INFINITY;

  constructor(leaseMs: number) {
    this.leaseMs = leaseMs;
  }

  /** The dead among the members, as they are read now. */
  look(members: readonly TableMember[], now: MachineMs): string[] {
    if (now - this.lastLook > this.leaseMs / 2) this.seen.clear();
    this.lastLook = now;
    const dead: string[] = [];
    for (const { id, beat } of members) {
      const known = this.seen.get(id);
      if (known?.beat !== beat) this.seen.set(id, { beat, since: now });
      else if (now - known.since >= this.leaseMs) dead.push(id);
    }
    for (const id of this.seen.keys()) if (!members.some((member) => member.id === id)) this.seen.delete(id);
    return dead;
  }
}
