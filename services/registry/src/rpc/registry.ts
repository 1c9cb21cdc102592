import { type PipelineSpec } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { actorOf, numbersOf, serviceOf } from '@relearn/rpc';
import type { AppliedPipeline, Ports } from '@relearn/runtime';
import type { PipelineState, Rollout } from '../domain/state.js';
import { bundleMessage } from './bundle.js';
import type { RegistryCommands } from './commands.js';
import type { PlainModelCommands } from './plain-models.js';
import type { ModelMessage, PipelineMessage, RegistryHandlers, RolloutMessage, TurnMessage } from './messages.js';
import { type ModelRecord, ModelsView, type PipelineHistory, type TurnRecord } from './models-view.js';

export const registryService = serviceOf<RegistryHandlers>('relearn/v1/registry.proto', 'relearn.v1.Registry');

/** Reads a pipeline file; `name` is what errors show. Throws INVALID_PIPELINE. */
export type ParsePipeline = (text: string, name: string) => { readonly spec: PipelineSpec; readonly digest: string };

const standardLimit = 100;

export function registryHandlers(
  ports: Ports,
  commands: RegistryCommands,
  plain: PlainModelCommands,
  parse: ParsePipeline,
): RegistryHandlers {
  return { ...readers(ports, commands), ...writers(commands, plain, parse) };
}

type Writers = Pick<RegistryHandlers, 'apply' | 'promote' | 'rollBack' | 'pin' | 'unpin' | 'registerModel'>;

function writers(commands: RegistryCommands, plain: PlainModelCommands, parse: ParsePipeline): Writers {
  const champion = async (pipeline: string) => ({ champion: (await commands.state(pipeline)).champion?.model ?? 0 });
  return {
    async apply({ file, name = '' }, context) {
      const { spec, digest } = parse(file, name === '' ? 'pipeline.yaml' : name);
      return { pipeline: spec.name, ...(await commands.apply(spec, digest, actorOf(context))) };
    },
    async promote({ pipeline, model }, context) {
      await commands.promote(pipeline, model, actorOf(context));
      return await champion(pipeline);
    },
    async rollBack({ pipeline, model = 0, reason }, context) {
      await commands.rollBack(pipeline, model === 0 ? null : model, reason, actorOf(context));
      return await champion(pipeline);
    },
    async pin({ pipeline, reason }, context) {
      await commands.pin(pipeline, reason, actorOf(context));
      return await champion(pipeline);
    },
    async unpin({ pipeline, reason }, context) {
      await commands.unpin(pipeline, reason, actorOf(context));
      return await champion(pipeline);
    },
    registerModel: ({ name, onnx, alias = '' }, context) => plain.registerModel(name, onnx, alias, actorOf(context)),
  };
}

function readers(ports: Ports, commands: RegistryCommands): Omit<RegistryHandlers, keyof Writers> {
  const { catalog, blobs } = ports;
  const view = new ModelsView(ports);
  const known = (pipeline: string): AppliedPipeline => {
    const applied = catalog.latest(pipeline);
    if (applied === undefined) throw new RelearnError('NOT_FOUND', `no pipeline '${pipeline}'`);
    return applied;
  };
  const historyOf = (pipeline: string) => {
    if (catalog.plain(pipeline) === undefined) known(pipeline);
    return view.of(pipeline);
  };
  return {
    async listPipelines() {
      const names = catalog.names();
      return {
        pipelines: await Promise.all(names.map(async (name) => pipelineMessage(name, await commands.state(name)))),
      };
    },
    async getPipeline({ pipeline }) {
      const { spec } = known(pipeline);
      return {
        pipeline: pipelineMessage(pipeline, await commands.state(pipeline)),
        spec: JSON.stringify(spec),
      };
    },
    async listModels({ pipeline }) {
      const history = await historyOf(pipeline);
      return { models: [...history.models.values()].reverse().map((model) => modelMessage(model, history)) };
    },
    async getModel({ pipeline, model = 0 }) {
      const history = await historyOf(pipeline);
      const record = history.models.get(model === 0 ? (history.champion ?? 0) : model);
      if (record === undefined) {
        const what = model === 0 ? 'champion yet' : `model ${model}`;
        throw new RelearnError('NOT_FOUND', `'${pipeline}' has no ${what}`);
      }
      return { model: modelMessage(record, history), ...(await bundleMessage(blobs, record.bundle)) };
    },
    async listTurns({ pipeline, limit = 0 }) {
      const { turns } = await historyOf(pipeline);
      const newest = [...turns.values()].slice(-(limit === 0 ? standardLimit : limit)).reverse();
      return { turns: newest.map(turnMessage) };
    },
  };
}

function pipelineMessage(name: string, state: PipelineState): PipelineMessage {
  const { version, digest, champion, frozen, models, turns, turn, lastOutcome, failing, pinned = false } = state;
  return {
    name,
    version,
    digest: digest ?? '',
    champion: champion?.model ?? 0,
    frozen: frozen?.model ?? 0,
    models,
    turns,
    turn: turn?.id ?? '',
    lastOutcome: lastOutcome ?? '',
    failingShards: failing,
    pinned,
    ...(state.rollout === undefined ? {} : { rollout: rolloutMessage(state.rollout) }),
  };
}

function rolloutMessage({ model, step, policy: { strategy, steps } }: Rollout): RolloutMessage {
  return { model, strategy, step, steps: steps.length, share: steps[step] ?? 0 };
}

function modelMessage(record: ModelRecord, { champion, frozen }: PipelineHistory): ModelMessage {
  return {
    ...record,
    metrics: numbersOf(record.metrics),
    promotedAt: record.promotedAt ?? '',
    champion: record.model === champion,
    frozen: record.model === frozen,
  };
}

function turnMessage(record: TurnRecord): TurnMessage {
  const { turn, startedAt, endedAt, outcome, model } = record;
  return {
    ...record,
    turn: turn ?? '',
    startedAt: startedAt ?? '',
    endedAt: endedAt ?? '',
    outcome: outcome ?? '',
    model: model ?? 0,
  };
}
