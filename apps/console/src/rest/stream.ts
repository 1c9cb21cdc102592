import { Readable } from 'node:stream';
import type { ConsoleDeps } from '../deps.js';

/** At most four updates a second. */
const leastGapMs = 250;
/** A comment now and then keeps proxies from closing a silent stream, and finds readers that have gone. */
const heartbeatMs = 15_000;

export interface UpdateStream {
  readonly body: Readable;
  close(): void;
}

/**
 * Server-sent events about one pipeline (`state`), or about all (`pipelines`): one at once, then one whenever the view
 * has changed. A reader that is slow gets fewer of them, never a queue. Throws NOT_FOUND for an unknown pipeline.
 */
export function updateStream(
  { ports, view }: Pick<ConsoleDeps, 'ports' | 'view'>,
  pipeline: string | undefined,
): UpdateStream {
  if (pipeline !== undefined) view.pipeline(pipeline);
  const { clock } = ports.kernel;
  const ended = new AbortController();
  const body = new Readable({ read: () => undefined });
  let wake: () => void = () => undefined;
  let changed = true;
  const stopListening = view.listen(() => {
    changed = true;
    wake();
  });
  const waitForChange = () => {
    const waiting = new AbortController();
    wake = () => waiting.abort();
    if (changed || ended.signal.aborted) waiting.abort();
    return clock.sleep(heartbeatMs, waiting.signal);
  };
  const close = () => {
    if (ended.signal.aborted) return;
    ended.abort();
    stopListening();
    wake();
    body.push(null);
  };
  const run = async () => {
    let last = '';
    body.push('retry: 1000\n\n');
    while (!ended.signal.aborted) {
      await waitForChange();
      if (ended.signal.aborted) return;
      const beat = !changed;
      changed = false;
      const text = JSON.stringify(pipeline === undefined ? { pipelines: view.list() } : await view.state(pipeline));
      if (ended.signal.aborted) return;
      if (text !== last && body.readableLength === 0) {
        body.push(`event: ${pipeline === undefined ? 'pipelines' : 'state'}\ndata: ${text}\n\n`);
        last = text;
      } else if (beat) body.push(': still here\n\n');
      await clock.sleep(leastGapMs, ended.signal);
    }
  };
  body.on('close', close);
  run().catch((thrown: unknown) => body.destroy(thrown instanceof Error ? thrown : new Error(String(thrown))));
  return { body, close };
}
