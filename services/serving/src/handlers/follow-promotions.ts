import {
  type EventType,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  rolloutAdvanced,
  rolloutEnded,
  rolloutStarted,
} from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import type { ServingFront } from '../front.js';

/** Events after which other models may be in force. */
const changes: readonly EventType[] = [
  modelRegistered,
  modelPromoted,
  modelRolledBack,
  rolloutStarted,
  rolloutAdvanced,
  rolloutEnded,
];

/** Longest pause between two tries to load a model, ms. */
const longestPauseMs = 30_000;

/** Every instance loads what is in force, at its start and whenever the control log changes it, until it has it. */
export function followPromotions(ports: Ports, front: ServingFront): Part {
  const { catalog, kernel, telemetry } = ports;
  const stopping = new AbortController();
  const trying = new Map<string, Promise<void>>();
  /** Names that have changed since their last try began; each call ends the pause before the next one. */
  const changed = new Map<string, AbortController>();
  let leave: () => void = () => undefined;

  const load = async (name: string): Promise<boolean> => {
    try {
      return await front.follow(catalog, name);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      telemetry.log.error({ name, code: error.code }, `the model in force cannot be loaded: ${error.describe()}`);
      return false;
    }
  };
  const loadUntilThere = async (name: string) => {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      const change = new AbortController();
      changed.set(name, change);
      const whole = await load(name);
      if (change.signal.aborted) attempt = 0;
      else if (whole) break;
      else {
        const signal = AbortSignal.any([stopping.signal, change.signal]);
        await kernel.clock.sleep(Math.min(longestPauseMs, 100 * 2 ** attempt), signal);
      }
    }
    trying.delete(name);
  };
  const begin = (name: string) => {
    if (trying.has(name)) changed.get(name)?.abort();
    else trying.set(name, loadUntilThere(name));
  };
  return {
    name: 'model deployments',
    async start() {
      leave = catalog.listen((event) => {
        if (changes.some((type) => type.is(event))) begin(event.pipeline);
      });
      await front.reconcile(catalog);
      // What cannot be loaded keeps nobody from starting.
      const names = [...catalog.names(), ...catalog.plainNames()];
      const loaded = await Promise.all(names.map(load));
      for (const [index, name] of names.entries()) if (loaded[index] !== true) begin(name);
    },
    async stop() {
      leave();
      stopping.abort();
      await Promise.all(trying.values());
    },
  };
}
