import type { Command } from 'commander';
import { type ExitCode, exitCodes } from './exit.js';
import type { Terminal } from './terminal.js';

/** What every command's action has. */
export interface Action {
  readonly terminal: Terminal;
  /** Whether JSON is wanted. */
  readonly json: boolean;
  /** Prints a value as JSON, or the text for people. */
  print(value: unknown, text: string): void;
}

export interface Outcome {
  code: ExitCode;
  /** Whether the command was asked for JSON: errors are told so then, too. */
  json: boolean;
}

export type Run<Options> = (action: Action, args: readonly string[], options: Options) => Promise<ExitCode | void>;

/** Gives a command its `--json`, its example and what it does. */
export function finish<Options extends object>(
  command: Command,
  terminal: Terminal,
  outcome: Outcome,
  example: string,
  run: Run<Options>,
): Command {
  return command
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(async () => {
      const options = command.optsWithGlobals<Options & { json?: boolean }>();
      const json = options.json === true;
      outcome.json = json;
      const print = (value: unknown, text: string) =>
        terminal.out.write(json ? `${JSON.stringify(value, null, 2)}\n` : text === '' ? '' : `${text}\n`);
      outcome.code = (await run({ terminal, json, print }, command.processedArgs.flat(), options)) ?? exitCodes.done;
    });
}
