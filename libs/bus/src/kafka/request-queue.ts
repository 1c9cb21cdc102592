import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/**
 * kafkajs looks for requests that wait on a connection in a timer that arms itself again, with a delay below zero where
 * nothing throttles: each idle connection wakes the process hundreds of times a second. Only where a request waits is there
 * anything to look for. Leaves the method alone if it is not the one that this was written for.
 */
export function calmRequestQueue(): void {
  const { prototype } = RequestQueue;
  const original = prototype.scheduleCheckPendingRequests;
  if (typeof original !== 'function' || !original.toString().includes('this.throttledUntil - Date.now()')) return;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this);
  };
}
