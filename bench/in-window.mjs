/** Does the work of all items in order, so many at once. */
export async function inWindow(items, underWay, work) {
  const running = new Set();
  for (const item of items) {
    const one = work(item).finally(() => running.delete(one));
    running.add(one);
    if (running.size >= underWay) await Promise.race(running);
  }
  await Promise.all(running);
}
