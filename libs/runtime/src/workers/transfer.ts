/**
 * The ArrayBuffers within a value that can be moved to another thread. A view on a part of a buffer is left to be
 * copied: the rest of the buffer is somebody else's (Node's pool of small Buffers is such a one).
 */
export function transferable(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  collect(value, found, new Set());
  return [...found];
}

function collect(value: unknown, found: Set<ArrayBuffer>, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof ArrayBuffer) {
    found.add(value);
    return;
  }
  if (ArrayBuffer.isView(value)) {
    const { buffer } = value;
    if (buffer instanceof ArrayBuffer && value.byteLength === buffer.byteLength) found.add(buffer);
    return;
  }
  if (value instanceof Map) for (const key of value.keys()) collect(key, found, seen);
  const inner = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
  for (const part of inner) collect(part, found, seen);
}
