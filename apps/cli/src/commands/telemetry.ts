import { RelearnError } from '@relearn/kernel';
import type { Config } from '@relearn/platform';
import { type LogLevel, logLevels, startTelemetry, type Telemetry } from '@relearn/telemetry';
import type { Terminal } from '../terminal.js';

/**
 * Log lines on standard error: for people on a terminal, else JSON; with the number of the process where several share the doors.
 * Throws INVALID_CONFIG for a level that there is not.
 */
export function telemetryFor(terminal: Terminal, config: Config, process?: number): Promise<Telemetry> {
  return startTelemetry({
    service: 'relearn',
    level: levelOf(config.logLevel),
    base: process === undefined ? undefined : { process },
    pretty: terminal.err.isTTY === true,
    stream: { write: (line) => void terminal.err.write(line) },
    otlpEndpoint: config.otlpEndpoint,
  });
}

function levelOf(text: string): LogLevel {
  const level = logLevels.find((one) => one === text);
  if (level !== undefined) return level;
  throw new RelearnError('INVALID_CONFIG', `RELEARN_LOG=${text} is no level`, {
    place: { field: 'RELEARN_LOG' },
    remedy: `Set it to one of ${logLevels.join(', ')}.`,
  });
}
