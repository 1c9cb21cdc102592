import type { FeatureDrift } from '@relearn/contracts';
import { formatTimestamp, parseTimestamp, RelearnError } from '@relearn/kernel';
import { actorOf, serviceOf, type Unary } from '@relearn/rpc';
import type { Ports } from '@relearn/runtime';
import { type WindowRecord, WindowsView } from './windows-view.js';

export interface MonitoringCommands {
  /** Asks for a turn by hand; answers the request's id. Throws REFUSED before any window is complete. */
  requestRetrain(pipeline: string, actor: string): Promise<string>;
}

/** The messages of `relearn/v1/monitoring.proto`; what each field means is said there. A null is sent as absent. */
export interface WindowMessage {
  readonly start: string;
  readonly end: string;
  readonly rows: number;
  readonly predictions: number;
  readonly performance: Omit<NonNullable<WindowRecord['performance']>, 'start' | 'end'> | null;
  readonly drift: Omit<NonNullable<WindowRecord['drift']>, 'start' | 'end' | 'features'> | null;
}

export interface MonitoringHandlers {
  listWindows: Unary<
    { readonly pipeline: string; readonly from?: string; readonly limit?: number },
    { readonly windows: readonly WindowMessage[] }
  >;
  getReport: Unary<
    { readonly pipeline: string; readonly start?: string },
    { readonly window: WindowMessage; readonly features: readonly FeatureDrift[] }
  >;
  requestRetrain: Unary<{ readonly pipeline: string }, { readonly request: string }>;
}

export const monitoringService = serviceOf<MonitoringHandlers>('relearn/v1/monitoring.proto', 'relearn.v1.Monitoring');

const standardLimit = 100;

export function monitoringHandlers(ports: Ports, commands: MonitoringCommands): MonitoringHandlers {
  const view = new WindowsView(ports);
  const known = (pipeline: string) => {
    const applied = ports.catalog.latest(pipeline);
    if (applied === undefined) throw new RelearnError('NOT_FOUND', `no pipeline '${pipeline}'`);
    return applied;
  };
  return {
    async listWindows({ pipeline, from = '', limit = 0 }) {
      const { shards } = known(pipeline);
      const first = from === '' ? null : timeOf(from, 'from');
      const windows = await view.of(pipeline, shards);
      const most = limit === 0 ? standardLimit : limit;
      const wanted =
        first === null ? windows.slice(-most) : windows.filter(({ start }) => start >= first).slice(0, most);
      return { windows: wanted.map(windowMessage) };
    },
    async getReport({ pipeline, start = '' }) {
      const { shards } = known(pipeline);
      const at = start === '' ? null : timeOf(start, 'start');
      const windows = await view.of(pipeline, shards);
      const window = windows.findLast((one) => (at === null ? isJudged(one) : one.start === at));
      if (window === undefined) {
        const what = at === null ? 'judged window yet' : `window that starts at ${formatTimestamp(at)}`;
        throw new RelearnError('NOT_FOUND', `pipeline '${pipeline}' has no ${what}`);
      }
      return { window: windowMessage(window), features: window.drift?.features ?? [] };
    },
    async requestRetrain({ pipeline }, context) {
      known(pipeline);
      return { request: await commands.requestRetrain(pipeline, actorOf(context)) };
    },
  };
}

function isJudged({ performance, drift }: WindowRecord): boolean {
  return performance !== null || drift !== null;
}

function timeOf(text: string, field: string): number {
  const time = parseTimestamp(text);
  if (time === null) throw new RelearnError('INVALID_INPUT', `'${text}' is no ISO 8601 time`, { place: { field } });
  return time;
}

function windowMessage({ start, end, rows, predictions, performance, drift }: WindowRecord): WindowMessage {
  return { start: formatTimestamp(start), end: formatTimestamp(end), rows, predictions, performance, drift };
}
