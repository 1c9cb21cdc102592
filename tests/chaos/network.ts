import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A way from one process to a server, which can be cut. */
export interface Link {
  /** Where the process connects to, on 127.0.0.1. */
  readonly port: number;
  /** Nothing passes any more, and nobody is told: what is sent meanwhile arrives when it is mended. */
  silence(): void;
  /** What is connected is reset, and so is whoever connects. */
  refuse(): void;
  mend(): void;
  close(): void;
}

type State = 'open' | 'silent' | 'refused';

export async function openLink(to: Address): Promise<Link> {
  let state: State = 'open';
  const pairs = new Set<Pair>();
  const server = createServer((near) => {
    if (state === 'refused') return void near.resetAndDestroy();
    const pair = new Pair(near, connect(to), () => pairs.delete(pair));
    pairs.add(pair);
    if (state === 'silent') pair.hold();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const at = server.address();
  return {
    port: typeof at === 'object' ? (at?.port ?? 0) : 0,
    silence() {
      state = 'silent';
      for (const pair of pairs) pair.hold();
    },
    refuse() {
      state = 'refused';
      for (const pair of pairs) pair.reset();
    },
    mend() {
      state = 'open';
      for (const pair of pairs) pair.release();
    },
    close() {
      server.close();
      for (const pair of pairs) pair.reset();
    },
  };
}

/** A process's connection and the one that stands for it. */
class Pair {
  private held = false;
  private readonly near: Socket;
  private readonly far: Socket;
  private readonly onClose: () => void;

  constructor(near: Socket, far: Socket, onClose: () => void) {
    this.near = near;
    this.far = far;
    this.onClose = onClose;
    this.pass(near, far);
    this.pass(far, near);
  }

  hold(): void {
    this.held = true;
    this.near.pause();
    this.far.pause();
  }

  release(): void {
    this.held = false;
    this.near.resume();
    this.far.resume();
  }

  reset(): void {
    this.near.resetAndDestroy();
    this.far.resetAndDestroy();
  }

  private pass(from: Socket, to: Socket): void {
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!this.held) from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroy();
      this.onClose();
    });
  }
}
