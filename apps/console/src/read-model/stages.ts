import type { LiveCounts } from './counts.js';
import type { PipelineView } from './pipeline-view.js';
import type { Conservation, StageName, StageView, TurnStage } from './shapes.js';

/** Which service works on a turn that has reached a stage. */
export const workerOf: Readonly<Record<TurnStage, StageName>> = {
  requested: 'registry',
  started: 'feature',
  snapshotted: 'training',
  training: 'training',
  trained: 'evaluation',
  evaluated: 'registry',
  tried: 'serving',
  ended: 'serving',
};

/** The eight services with their counts and whether they have something in hand. */
export function stagesOf(
  view: PipelineView,
  counts: LiveCounts,
  conservation: Conservation,
  failing: boolean,
): readonly StageView[] {
  const { models, turns, windows } = view;
  const running = turns.running();
  const atWork = running === null ? undefined : workerOf[running.stage];
  const { received, validated, quarantined, duplicates, deadLettered, pending } = conservation;
  const { passed, rejected, inconclusive } = turns.verdicts;
  const busy = new Set<StageName>(counts.moving);
  if (atWork !== undefined) busy.add(atWork);
  if (pending > 0) busy.add('validation');
  const of: Readonly<Record<StageName, Readonly<Record<string, number>>>> = {
    ingestion: { received },
    validation: { validated, quarantined, duplicates, 'dead-lettered': deadLettered, pending },
    feature: { rows: counts.featureRows },
    training: { runs: turns.training, candidates: turns.candidates },
    evaluation: { passed, rejected, inconclusive },
    registry: { versions: models.registered, promotions: models.promotions, rollbacks: models.rollbacks },
    serving: { scored: counts.scored },
    monitoring: { windows: windows.closed, drifted: windows.drifted },
  };
  return Object.entries(of).map(([name, stage]) => {
    const service = name as StageName;
    const alarm = service === 'validation' && failing;
    return { name: service, state: alarm ? 'alarm' : busy.has(service) ? 'working' : 'idle', counts: stage };
  });
}
