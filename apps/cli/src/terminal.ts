/** Where a command writes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a command has of the process: tests give their own. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** Resolves when somebody wants the process to end. */
  interrupted(): Promise<void>;
}

/** The process's own terminal. A second interrupt ends it at once. */
export function processTerminal(): Terminal {
  // Whoever reads has gone: what is said still is lost, and what is done goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onlyIfNotClosed);
  return {
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    folder: process.cwd(),
    interrupted: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) {
          process.once(signal, () => {
            process.once(signal, () => process.exit(130));
            resolve();
          });
        }
      }),
  };
}

function onlyIfNotClosed(error: Error): void {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof codes;

/** Styles text where the output is a terminal that shows colours (NO_COLOR and TERM=dumb say no, FORCE_COLOR yes). */
export function styler(output: Output, env: Terminal['env']): (style: Style, text: string) => string {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0';
  const wanted = forced || (output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
  return (style, text) => (wanted && text !== '' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}

const escape = String.fromCharCode(27);
const styles = new RegExp(`${escape}\\[\\d+m`, 'g');

function shownLength(text: string): number {
  return text.replaceAll(styles, '').length;
}

/** Lines of a table with aligned columns; a column whose header begins with `>` is aligned to the right. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  style: (style: Style, text: string) => string,
): string {
  const right = headers.map((header) => header.startsWith('>'));
  const heads = headers.map((header) => header.replace(/^>/, '').toUpperCase());
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => shownLength(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - shownLength(cell)));
        return right[column] === true ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [style('dim', line(heads)), ...rows.map(line)].join('\n');
}

/** A line on standard error that is written over on a terminal; elsewhere only every tenth of the way is told. */
export class Progress {
  private readonly terminal: Terminal;
  private told = -1;
  private shown = false;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** `share` from 0 to 1. */
  show(share: number, text: string): void {
    const { err } = this.terminal;
    const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
    if (err.isTTY === true) {
      err.write(`\r\u001b[2K${percent}  ${text}`.slice(0, (err.columns ?? 80) + 4));
      this.shown = true;
      return;
    }
    const tenth = Math.floor(share * 10);
    if (tenth > this.told) err.write(`${percent}  ${text}\n`);
    this.told = Math.max(this.told, tenth);
  }

  /** Removes the line, so that others can be written. */
  clear(): void {
    if (this.shown) this.terminal.err.write('\r\u001b[2K');
    this.shown = false;
  }
}
