interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when the signal aborts, unless the returned function was called before. However many wait on one signal,
 * it has one listener: node warns of a leak above ten.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = waiting.get(signal) ?? listenTo(signal);
  known.callbacks.add(callback);
  return () => {
    known.callbacks.delete(callback);
    if (known.callbacks.size > 0) return;
    signal.removeEventListener('abort', known.listener);
    waiting.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  signal.addEventListener('abort', listener, { once: true });
  const added = { callbacks, listener };
  waiting.set(signal, added);
  return added;
}
