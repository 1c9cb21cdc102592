/** FNV-1a over the bytes and the id that they go by, for the trace: equal bytes, equal numbers. */
export function checksum(bytes: Uint8Array, id = ''): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash >>> 0;
}
