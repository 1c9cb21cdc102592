import { inWindow } from '../../in-window.mjs';

const tickMs = 4;

/** Does the work so many times a second, whether or not what was begun has ended. */
export function atRate(perSecond, work) {
  const running = new Set();
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
    for (; sent < due; sent++) {
      const one = work().finally(() => running.delete(one));
      running.add(one);
    }
  }, tickMs);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(running);
      return { sent, seconds: (performance.now() - began) / 1_000 };
    },
  };
}

/** Does the work again and again, so many at once, for so long; answers the seconds until the last has ended. */
export async function inFlightFor(seconds, atOnce, work) {
  const began = performance.now();
  const until = began + seconds * 1_000;
  function* attempts() {
    while (performance.now() < until) yield undefined;
  }
  await inWindow(attempts(), atOnce, work);
  return (performance.now() - began) / 1_000;
}
