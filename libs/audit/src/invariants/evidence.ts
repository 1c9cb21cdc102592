import {
  type DataOf,
  type Gate,
  type LoggedEvent,
  modelEvaluated,
  modelRegistered,
  modelRolledBack,
  pipelineApplied,
} from '@relearn/contracts';
import { type Invariant, PerPipeline } from '../invariant.js';
import { type Move, moveOf } from './moves.js';

type Evaluated = LoggedEvent<DataOf<typeof modelEvaluated>>;

interface Evidence {
  readonly records: Map<string, Evaluated>;
  /** Registrations by model. */
  readonly registered: Map<number, DataOf<typeof modelRegistered>>;
  /** Earlier moves of the alias by event id. */
  readonly moves: Map<string, Move>;
  champion: string | null;
  version: number;
}

/**
 * The champion alias moves on evidence alone: a promotion on a passed gate record, earlier in the log, for that exact
 * bundle, made against the champion then in place and under the pipeline version then in force; where no pipeline
 * owns the name, on the record with which that bundle was registered by hand; a rollback on the move that once made the same
 * bundle champion.
 */
export function movesHaveEvidence(): Invariant {
  const pipelines = new PerPipeline<Evidence>(() => ({
    records: new Map(),
    registered: new Map(),
    moves: new Map(),
    champion: null,
    version: 0,
  }));
  return {
    name: 'no model goes live without evidence',
    topics: ['control'],
    take(event, _fromRow, report) {
      const known = pipelines.of(event.pipeline);
      if (pipelineApplied.is(event)) known.version = event.pipelineversion;
      else if (modelEvaluated.is(event)) known.records.set(event.id, event);
      else if (modelRegistered.is(event)) known.registered.set(event.data.model, event.data);
      const move = moveOf(event);
      if (move === null) return;
      const reasons = modelRolledBack.is(move) ? againstRollback(known, move) : againstPromotion(known, move);
      const { model, bundle } = move.data;
      for (const reason of reasons) {
        report({ pipeline: event.pipeline, event: event.id, message: `model ${model} became champion, but ${reason}` });
      }
      if (known.registered.get(model)?.bundle !== bundle) {
        const message = `model ${model} became champion with bundle ${bundle}, which is not the one registered`;
        report({ pipeline: event.pipeline, event: event.id, message });
      }
      known.champion = bundle;
      known.moves.set(event.id, move);
    },
  };
}

function againstPromotion(known: Evidence, { data }: Move): string[] {
  if (data.evidence.kind === 'manual') return againstManual(known, data);
  if (data.evidence.kind !== 'evaluation') return [`its evidence is of kind '${data.evidence.kind}'`];
  const record = known.records.get(data.evidence.event);
  if (record === undefined) return [`no gate record ${data.evidence.event} stands before it`];
  const { verdict, bundle, reference, champion, gates } = record.data;
  return [
    ...(verdict === 'passed' ? [] : [`its gate record says ${verdict}`]),
    ...(gates.length === 0 ? ['its gate record has no gates'] : []),
    ...gates.flatMap(weakness),
    ...(bundle === data.bundle ? [] : [`its gate record is for bundle ${bundle}`]),
    ...(reference === data.reference ? [] : [`its gate record names the reference ${reference}`]),
    ...(champion === known.champion ? [] : [`its gate record was made against ${champion}, not ${known.champion}`]),
    ...(record.pipelineversion === known.version
      ? []
      : [`its gate record was made under version ${record.pipelineversion}, version ${known.version} is in force`]),
  ];
}

/** A person's word counts where no pipeline has ever had the name, for exactly what was tried when it was registered. */
function againstManual(known: Evidence, { model, reference, frozen }: Move['data']): string[] {
  return [
    ...(known.version === 0 ? [] : ['its evidence is a record by hand, and a pipeline owns the name']),
    ...(known.registered.get(model)?.manual === undefined ? ['it was not registered by hand'] : []),
    ...(reference === undefined && frozen === null ? [] : ['it names a reference or a frozen model']),
  ];
}

/** Missing or NaN (JSON: null) figures are a failure, whatever the gate says of itself. */
function weakness(gate: Gate): string[] {
  if (gate.verdict !== 'passed') return [`its gate '${gate.name}' says ${gate.verdict}`];
  return gate.value === null ? [`its gate '${gate.name}' passed without a value`] : [];
}

function againstRollback(known: Evidence, { data }: Move): string[] {
  if (data.evidence.kind !== 'promotion') return [`its evidence is of kind '${data.evidence.kind}'`];
  const former = known.moves.get(data.evidence.event);
  if (former === undefined) return [`no promotion ${data.evidence.event} stands before it`];
  const same = former.data.bundle === data.bundle && former.data.model === data.model;
  return same ? [] : [`the promotion it names made model ${former.data.model} champion`];
}
