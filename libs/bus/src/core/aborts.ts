import { Bag } from '@relearn/kernel';

/** Who waits on a signal; a bag stays for as long as its signal does. */
const waiting = new WeakMap<AbortSignal, Bag<() => void>>();

/**
 * Calls back once when the signal aborts, unless the returned function was called before. However many wait on one signal,
 * it has one listener: node warns of a leak above ten.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = waiting.get(signal) ?? listenTo(signal);
  const entry = known.add(callback);
  return () => known.delete(entry);
}

function listenTo(signal: AbortSignal): Bag<() => void> {
  const callbacks = new Bag<() => void>();
  const listener = () => {
    for (const { value: callback } of callbacks.all) callback();
  };
  signal.addEventListener('abort', listener, { once: true });
  waiting.set(signal, callbacks);
  return callbacks;
}
