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
