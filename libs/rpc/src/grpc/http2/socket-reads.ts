import { Socket } from 'node:net';

/**
 * All connections read into it, one read at a time. By itself node gives each read 64 KiB of its own, and so many of those come
 * together under large messages that V8 marks its whole heap some fifty times a second.
 */
const buffer = Buffer.allocUnsafeSlow(1 << 18);

/**
 * The connection from now on, instead of the socket that a server accepted with `pauseOnConnect`. What comes in is `taken`, which
 * has the bytes until it returns.
 */
export function readsOf(accepted: Socket, taken: (bytes: Buffer) => void): Socket {
  const socket = readingOver(accepted, taken) ?? accepted.on('data', taken);
  process.nextTick(() => socket.resume());
  return socket;
}

/** Node reads into a given buffer for sockets that connect alone: the accepted one's handle gets another socket, where it has one. */
function readingOver(accepted: Socket, taken: (bytes: Buffer) => void): Socket | undefined {
  const handle: unknown = Reflect.get(accepted, '_handle');
  if (typeof handle !== 'object' || handle === null) return undefined;
  Reflect.set(accepted, '_handle', null);
  const callback = (length: number) => {
    taken(buffer.subarray(0, length));
    return true;
  };
  const options = { handle, pauseOnCreate: true, readable: true, writable: true, onread: { buffer, callback } };
  const socket = new Socket(options);
  // The server counts the accepted one.
  socket.once('close', () => accepted.destroy());
  return socket;
}
