/**
 * Named places between two durable steps at which a test may kill the process:
 * `feature:after-publish:kill` dies there the first time, `feature:after-publish:kill@7` the seventh time.
 */
export interface Failpoints {
  hit(name: string): void;
}

export const noFailpoints: Failpoints = { hit: () => undefined };

/** Failpoints of a specification such as `after-publish:kill@3,before-checkpoint:throw`. */
export function failpointsOf(specification: string, kill: () => void): Failpoints {
  const armed = new Map<string, { action: string; left: number }>();
  for (const entry of specification.split(',').filter((text) => text !== '')) {
    // A name may hold colons itself: the action is what follows the last one.
    const at = entry.lastIndexOf(':');
    const [verb = 'kill', count = '1'] = entry.slice(at + 1).split('@');
    armed.set(entry.slice(0, at), { action: verb, left: Number(count) });
  }
  return {
    hit(name) {
      const point = armed.get(name);
      if (point === undefined) return;
      point.left -= 1;
      if (point.left !== 0) return;
      if (point.action === 'kill') return kill();
      throw new Error(`failpoint ${name}`);
    },
  };
}
