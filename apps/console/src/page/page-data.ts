import type { ConsoleView } from '../read-model/console-view.js';
import type { Takeover } from '../read-model/models.js';
import type {
  ModelView,
  PipelineState,
  PipelineSummary,
  PlainModelView,
  TurnView,
  WindowView,
} from '../read-model/shapes.js';

/** Everything that the page shows of one pipeline. Models and turns: newest first; windows in their order. */
export interface PageData {
  readonly pipelines: readonly PipelineSummary[];
  readonly state: PipelineState;
  /** Models that no pipeline owns. */
  readonly plain: readonly PlainModelView[];
  readonly models: readonly ModelView[];
  readonly takeovers: readonly Takeover[];
  readonly turns: readonly TurnView[];
  readonly windows: readonly WindowView[];
  /** The machine's wall time, ms. */
  readonly wall: number;
}

/** Throws NOT_FOUND for an unknown pipeline. */
export async function pageData(view: ConsoleView, name: string, wall: number): Promise<PageData> {
  const pipeline = view.pipeline(name);
  return {
    pipelines: view.list(),
    state: await view.state(name),
    plain: view.plain(),
    models: pipeline.models.list().toReversed(),
    takeovers: pipeline.models.takeovers(),
    turns: pipeline.turns.list().toReversed(),
    windows: pipeline.windows.list(),
    wall,
  };
}
