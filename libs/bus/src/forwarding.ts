import type { Bus } from './port.js';

/** A bus that hands every call on: for decorators, which replace some of its methods. */
export function forwarding(bus: Bus): Bus {
  return {
    features: bus.features,
    ensureTopics: (topics) => bus.ensureTopics(topics),
    publish: (records) => bus.publish(records),
    read: (...place) => bus.read(...place),
    bounds: (topic) => bus.bounds(topic),
    positionAt: (...place) => bus.positionAt(...place),
    follow: (...place) => bus.follow(...place),
    subscribe: (options) => bus.subscribe(options),
    ...(bus.health === undefined ? {} : { health: () => bus.health?.() ?? null }),
    close: () => bus.close(),
  };
}
