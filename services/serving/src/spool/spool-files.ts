import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { RelearnError } from '@relearn/kernel';

/** Where shipping stands: everything up to `acked` is in the bus; by partition the last row number shipped to it. */
export interface ShipState {
  readonly acked: number;
  readonly last: Readonly<Record<string, number>>;
}

const segmentBytes = 8 * 1024 * 1024;
const suffix = '.jsonl';

/**
 * Append-only files of numbered lines. A write reaches the operating system before `append` returns, so lines survive the
 * process; they do not wait for the disk. A line cut off by a crash was never answered for and is left out.
 */
export class SpoolFiles {
  private readonly folder: string;
  private current: { fd: number; name: string; bytes: number } | null = null;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** A name for this spool that lasts as long as its folder. */
  identity(fresh: () => string): string {
    const path = join(this.folder, 'identity');
    const known = readText(path);
    if (known !== null) return known;
    const made = fresh();
    writeFileSync(path, made);
    return made;
  }

  readState(): ShipState {
    const text = readText(join(this.folder, 'shipped.json'));
    return text === null ? { acked: 0, last: {} } : (JSON.parse(text) as ShipState);
  }

  writeState(state: ShipState): void {
    const path = join(this.folder, 'shipped.json');
    writeFileSync(`${path}.new`, JSON.stringify(state));
    renameSync(`${path}.new`, path);
  }

  /** Whole lines of all files in order. */
  *lines(): Generator<string> {
    for (const name of this.names()) {
      const text = readFileSync(join(this.folder, name), 'utf8');
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      for (const line of whole.split('\n')) if (line !== '') yield line;
    }
  }

  /** Appends lines, the first of which has the number; one write. Throws STORAGE_FAILED. */
  append(firstNumber: number, lines: string): void {
    const bytes = Buffer.from(lines);
    try {
      const file = this.writable(firstNumber);
      let written = 0;
      while (written < bytes.length) written += writeSync(file.fd, bytes, written);
      file.bytes += bytes.length;
    } catch (thrown) {
      this.close();
      throw new RelearnError(
        'STORAGE_FAILED',
        `the prediction spool cannot be written: ${RelearnError.from(thrown).message}`,
        { cause: thrown },
      );
    }
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

  private writable(firstNumber: number): { fd: number; name: string; bytes: number } {
    if (this.current !== null && this.current.bytes < segmentBytes) return this.current;
    this.close();
    const name = `${String(firstNumber).padStart(16, '0')}${suffix}`;
    const fd = openSync(join(this.folder, name), 'a');
    this.current = { fd, name, bytes: fstatSync(fd).size };
    return this.current;
  }

  private names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(suffix))
      .sort();
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (RelearnError.from(thrown).code === 'NOT_FOUND') return null;
    throw thrown;
  }
}
