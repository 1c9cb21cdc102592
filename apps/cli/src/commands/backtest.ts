import { resolve } from 'node:path';
import type { BacktestReport } from '@relearn/platform';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { loadPlatform } from '../platform.js';
import { Progress, styler, table } from '../terminal.js';
import { count, figure, stamp } from '../words.js';
import { telemetryFor } from './telemetry.js';

/** What would this pipeline have done on this history? The report goes to standard output as one JSON object. */
export async function backtest(
  action: Action,
  [file = '']: readonly string[],
  options: { data?: string[]; window: string },
): Promise<ExitCode> {
  const { terminal, json } = action;
  const { processKernel, readConfig, runBacktest } = await loadPlatform();
  const config = readConfig(terminal.env);
  const telemetry = await telemetryFor(terminal, { ...config, logLevel: terminal.env['RELEARN_LOG'] ?? 'warn' });
  const progress = new Progress(terminal);
  try {
    const report = await runBacktest({
      file: resolve(terminal.folder, file),
      data: (options.data ?? []).map((argument) => absolute(terminal.folder, argument)),
      window: options.window,
      kernel: processKernel(config.failpoints),
      telemetry,
      onProgress: ({ now, records, total, jobs }) => {
        const doing = jobs === 0 ? '' : ', a turn runs';
        progress.show(
          records / Math.max(1, total),
          `${stamp(now)}  ${count(records)} of ${count(total)} records${doing}`,
        );
      },
    });
    progress.clear();
    const people = !json && terminal.out.isTTY === true;
    terminal.out.write(people ? `${summary(action, report)}\n` : `${JSON.stringify(report, null, 2)}\n`);
    return report.audit.violations.length === 0 ? exitCodes.done : exitCodes.failed;
  } finally {
    progress.clear();
    await telemetry.stop();
  }
}

/** `[STREAM=]PATH` with the path made absolute. */
function absolute(folder: string, argument: string): string {
  const [stream = '', ...rest] = argument.split('=');
  const named = rest.length > 0 && /^[a-z][a-z0-9_-]*$/.test(stream);
  return named ? `${stream}=${resolve(folder, rest.join('='))}` : resolve(folder, argument);
}

function summary({ terminal }: Action, { windows, retrains, promotions, totals, audit }: BacktestReport): string {
  const style = styler(terminal.out, terminal.env);
  const better = ({ metric, frozen_metric }: BacktestReport['windows'][number]) =>
    metric === null || frozen_metric === null ? '' : figure(metric - frozen_metric);
  const rows = windows.map((window) => [
    window.start.slice(0, 16).replace('T', ' '),
    count(window.rows),
    count(window.predictions),
    window.model_version === null ? '–' : String(window.model_version),
    figure(window.metric),
    figure(window.frozen_metric),
    better(window),
    window.drift.state === 'DRIFT'
      ? style('yellow', `drift: ${window.drift.causes.slice(0, 3).join(', ')}`)
      : window.drift.state,
  ]);
  const { name, mean, frozen_mean } = totals.metric;
  const told = retrains.map(
    ({ time, reason, outcome }) =>
      `${time.slice(0, 16).replace('T', ' ')}  ${reason}: ${outcome === 'promoted' ? style('green', outcome) : outcome}`,
  );
  const clean =
    audit.violations.length === 0
      ? style('green', 'no violation')
      : style('red', `${audit.violations.length} violations`);
  return [
    table(['from', '>rows', '>scored', '>model', `>${name}`, '>frozen', '>gain', 'inputs'], rows, style),
    '',
    style('bold', `${retrains.length} requests, ${promotions.length} promotions`),
    ...told,
    '',
    `${name}: mean of the windows ${style('bold', figure(mean))}, of the frozen first model ${figure(frozen_mean)}`,
    `${count(audit.events)} events audited, ${clean}; ${totals.wall_seconds.toFixed(1)} s`,
  ].join('\n');
}
