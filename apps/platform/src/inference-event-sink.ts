import { RelearnError } from '@relearn/kernel';
import type { InferenceEventSink } from '@relearn/serving';

const answerWithinMs = 10_000;

/** Posts inference events to the URL. */
export function sinkAt(url: URL): InferenceEventSink {
  return async ({ headers, body }, signal) => {
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]);
      const answer = await fetch(url, { method: 'POST', headers, body, signal: within, redirect: 'manual' });
      await answer.arrayBuffer();
      return answer.status;
    } catch (thrown) {
      const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : String(thrown);
      throw new RelearnError('UNAVAILABLE', `${url.origin} does not take inference events: ${reason}`, {
        cause: thrown,
      });
    }
  };
}
