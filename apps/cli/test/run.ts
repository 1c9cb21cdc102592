import { main, type Terminal } from '@relearn/cli';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command in a folder and keeps what it writes. */
export async function run(folder: string, argv: readonly string[], env: Terminal['env'] = {}): Promise<Ran> {
  const told = { out: '', err: '' };
  const terminal: Terminal = {
    out: { write: (text) => (told.out += text) },
    err: { write: (text) => (told.err += text) },
    // Port 9 is `discard`: nothing answers there.
    env: { RELEARN_URL: 'http://127.0.0.1:9', RELEARN_DATA: `${folder}/no-data`, ...env },
    folder,
    interrupted: () => new Promise(() => undefined),
  };
  const code = await main(argv, terminal);
  return { code, ...told };
}
