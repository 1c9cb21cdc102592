/** A topic's records, as the log has them. */
export async function recordsOf(bus, topic) {
  const found = [];
  for (const [partition, { first, end }] of (await bus.bounds(topic)).entries()) {
    for (let next = first; next < end; ) {
      const read = await bus.read(topic, partition, next, { maxRecords: 500, maxBytes: 8 << 20 });
      // Gaps may stand at the end.
      if (read.length === 0) break;
      found.push(...read);
      next = read.at(-1).position + 1;
    }
  }
  return found;
}
