import {
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorPlace, RelearnError } from '@relearn/kernel';

/** Where shipping stands: everything up to `acked` is in the bus; by partition the last row number shipped to it. */
export interface ShipState {
  readonly acked: number;
  readonly last: Readonly<Record<string, number>>;
}

/** Whole lines of one file, by their bytes. */
export interface Stretch {
  readonly file: string;
  readonly at: number;
  readonly bytes: number;
}

const segmentBytes = 8 * 1024 * 1024;
const suffix = '.jsonl';
const newline = 10;

/**
 * Append-only files of numbered lines. A write reaches the operating system before `append` returns, so lines survive the
 * process; they do not wait for the disk. A line cut off by a crash was never answered for.
 */
export class SpoolFiles {
  private readonly folder: string;
  private current: { fd: number; file: string; bytes: number } | null = null;

  /** Makes the folder where it is missing. Throws STORAGE_FAILED. */
  constructor(folder: string) {
    this.folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (thrown) {
      throw storageFailed('made', thrown, { file: folder });
    }
  }

  /** A name for this spool that lasts as long as its folder. */
  identity(fresh: () => string): string {
    const path = join(this.folder, 'identity');
    const known = readText(path);
    if (known !== null && known !== '') return known;
    const made = fresh();
    replaceFile(path, made);
    return made;
  }

  /** Throws CORRUPT. */
  readState(): ShipState {
    const path = join(this.folder, 'shipped.json');
    const text = readText(path);
    return text === null ? { acked: 0, last: {} } : stateIn(text, path);
  }

  /** Requests do not wait for it: after a crash before it is there, what was shipped is shipped once more. */
  async writeState(state: ShipState): Promise<void> {
    const path = join(this.folder, 'shipped.json');
    await writeFile(`${path}.new`, JSON.stringify(state));
    await rename(`${path}.new`, path);
  }

  /** The lines of all files, in order; one that a crash has cut off is removed. */
  *recover(): Generator<{ readonly text: string; readonly stretch: Stretch; readonly place: ErrorPlace }> {
    for (const name of this.names()) {
      const path = join(this.folder, name);
      const bytes = readFileSync(path);
      const whole = bytes.lastIndexOf(newline) + 1;
      // Nobody was answered for it: once a process has started, files hold whole lines alone.
      if (whole < bytes.length) truncateSync(path, whole);
      for (let at = 0, line = 1; at < whole; line++) {
        const end = bytes.indexOf(newline, at) + 1;
        const place = { file: path, line };
        const text = bytes.toString('utf8', at, end);
        yield { text, stretch: { file: path, at, bytes: end - at }, place };
        at = end;
      }
    }
  }

  /** Appends lines, the first of which has the number; one write. Tells where they are. Throws STORAGE_FAILED. */
  append(firstNumber: number, lines: string): Stretch {
    const bytes = Buffer.from(lines);
    try {
      const current = this.writable(firstNumber);
      const stretch = { file: current.file, at: current.bytes, bytes: bytes.length };
      let written = 0;
      while (written < bytes.length) written += writeSync(current.fd, bytes, written);
      current.bytes += bytes.length;
      return stretch;
    } catch (thrown) {
      this.close();
      throw storageFailed('written', thrown);
    }
  }

  /** Keeps the file under the name that is told, where it stays when its lines are shipped. */
  keep(file: string): string {
    const kept = `${file}.spoiled`;
    try {
      if (!existsSync(kept)) linkSync(file, kept);
    } catch {
      // Not every disk can give a file two names.
      copyFileSync(file, kept);
    }
    return kept;
  }

  /** Removes files all of whose lines are numbered up to `acked`. */
  discard(acked: number): void {
    const names = this.names();
    names.forEach((name, index) => {
      const next = names[index + 1];
      if (next !== undefined && Number(next.slice(0, -suffix.length)) <= acked + 1) rmSync(join(this.folder, name));
    });
  }

  close(): void {
    if (this.current !== null) closeSync(this.current.fd);
    this.current = null;
  }

  private writable(firstNumber: number): { fd: number; file: string; bytes: number } {
    if (this.current !== null && this.current.bytes < segmentBytes) return this.current;
    this.close();
    const file = join(this.folder, `${String(firstNumber).padStart(16, '0')}${suffix}`);
    // What a file of that name holds already is a write that failed half-way: nobody was answered for it.
    this.current = { fd: openSync(file, 'w'), file, bytes: 0 };
    return this.current;
  }

  private names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(suffix))
      .sort();
  }
}

/** As much of it as there is. Throws STORAGE_FAILED. */
export async function readStretch({ file, at, bytes }: Stretch): Promise<Buffer> {
  const { buffer, bytesRead } = await readAt(file, at, bytes).catch((thrown: unknown) => {
    throw storageFailed('read', thrown, { file });
  });
  return buffer.subarray(0, bytesRead);
}

async function readAt(file: string, at: number, bytes: number) {
  const handle = await open(file, 'r');
  try {
    return await handle.read(Buffer.allocUnsafe(bytes), 0, bytes, at);
  } finally {
    await handle.close();
  }
}

/** Throws CORRUPT for what is no JSON. */
function stateIn(text: string, file: string): ShipState {
  try {
    return JSON.parse(text) as ShipState;
  } catch (thrown) {
    throw new RelearnError('CORRUPT', 'it cannot be told what of the prediction spool is shipped: this is not JSON', {
      cause: thrown,
      place: { file },
      remedy: 'Move the spool folder away: predictions of the last moments are then missing from the log.',
    });
  }
}

function storageFailed(what: 'made' | 'written' | 'read', cause: unknown, place?: ErrorPlace): RelearnError {
  const { message } = RelearnError.from(cause);
  return new RelearnError('STORAGE_FAILED', `the prediction spool cannot be ${what}: ${message}`, {
    cause,
    ...(place === undefined ? {} : { place }),
  });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (RelearnError.from(thrown).code === 'NOT_FOUND') return null;
    throw thrown;
  }
}

/** The file has the old content or the new, whenever the process dies. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
