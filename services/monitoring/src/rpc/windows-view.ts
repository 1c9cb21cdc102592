import { type DataOf, driftReported, type Event, performanceReported, windowProfiled } from '@relearn/contracts';
import { LogView, type Ports } from '@relearn/runtime';

/** What has been told of a window; times in ms, the end exclusive. */
export interface WindowRecord {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly predictions: number;
  readonly performance: DataOf<typeof performanceReported> | null;
  readonly drift: DataOf<typeof driftReported> | null;
}

/** Windows of a pipeline that are kept at hand, the newest. */
const windowsKept = 2_000;

type Windows = Map<number, WindowRecord>;

/** Folds an event into the windows of its pipeline, by start. */
export function takeWindow(windows: Windows, event: Event): void {
  if (windowProfiled.is(event)) {
    const { part, rows, predictions } = event.data;
    if (part === 'outcomes') return;
    change(windows, event.data, (window) => ({
      rows: window.rows + rows,
      predictions: window.predictions + predictions,
    }));
  } else if (performanceReported.is(event)) {
    const performance = event.data;
    change(windows, performance, () => ({ performance }));
  } else if (driftReported.is(event)) {
    const drift = event.data;
    change(windows, drift, () => ({ drift }));
  }
}

function change(
  windows: Windows,
  { start, end }: { readonly start: number; readonly end: number },
  to: (window: WindowRecord) => Partial<WindowRecord>,
): void {
  const window = windows.get(start) ?? { start, end, rows: 0, predictions: 0, performance: null, drift: null };
  windows.set(start, { ...window, ...to(window) });
  if (windows.size > windowsKept) windows.delete(Math.min(...windows.keys()));
}

/** Every pipeline's windows as the monitoring topic tells them; answers when it has read all that is there. */
export class WindowsView {
  private readonly ports: Ports;
  private readonly byPipeline = new Map<string, Windows>();
  private readonly log: LogView;

  constructor(ports: Ports) {
    this.ports = ports;
    this.log = new LogView(ports, {
      topic: 'monitoring',
      types: [windowProfiled, performanceReported, driftReported],
      apply: (event) => takeWindow(this.windowsOf(event.pipeline), event),
    });
  }

  /** In the order of their starts. `shards`: the partitions where the pipeline's records are. */
  async of(pipeline: string, shards: readonly number[]): Promise<readonly WindowRecord[]> {
    await this.log.current([...shards, this.ports.catalog.controlPartition(pipeline)]);
    return [...this.windowsOf(pipeline).values()].sort((a, b) => a.start - b.start);
  }

  private windowsOf(pipeline: string): Windows {
    const windows = this.byPipeline.get(pipeline) ?? new Map<number, WindowRecord>();
    this.byPipeline.set(pipeline, windows);
    return windows;
  }
}
