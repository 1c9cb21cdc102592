import type { AnsweringArm } from '@relearn/contracts';
import { RelearnError, sha256 } from '@relearn/kernel';
import type { Challenger } from '@relearn/runtime';
import type { ServedModel } from './catalogue.js';
import type { ModelHost } from './model-host.js';
import { type CheckedRequest, checkRequest } from './oip/check.js';
import type { InferRequest } from './oip/request.js';
import { valuesOf } from './values.js';

/** Who answers a request. */
export interface Choice {
  readonly model: ServedModel;
  readonly checked: CheckedRequest;
  readonly arm: AnsweringArm;
  /** The request tells on a model that is rolled out; absent: on none. */
  readonly trial?: Trial;
}

export interface Trial {
  /** The model that is rolled out. */
  readonly challenger: number;
  /** Runs the same inputs once the answer has left; null: nobody does. */
  readonly mirror: { readonly model: ServedModel; readonly checked: CheckedRequest; readonly arm: AnsweringArm } | null;
}

/** Gives the request's key where neither a column nor a parameter does. */
export type KeyOf = () => string;

/**
 * The model for a request. One that names a version gets that version. While a model is rolled out, a canary answers the
 * share of the requests whose key falls below it, and a request that the challenger cannot take, since it knows other
 * features, is the champion's and tells nothing. Throws what `resolve` and the check of the request throw.
 */
export function choose(host: ModelHost, request: InferRequest, keyOf: KeyOf): Choice {
  const { modelName, modelVersion } = request;
  const challenger = host.challengerOf(modelName);
  const model = host.resolve(modelName, modelVersion);
  const checked = checkRequest(model, request, host.maxRequestRows);
  if (challenger === undefined) return { model, checked, arm: 'champion' };
  if (modelVersion !== '') {
    return { model, checked, arm: model.version === String(challenger.model) ? 'challenger' : 'champion' };
  }
  const champion = { model, checked, arm: 'champion' as const };
  const other = taken(host, request, challenger);
  if (other === null) return champion;
  const rolled = { ...other, arm: 'challenger' as const };
  if (challenger.strategy === 'shadow') return { ...champion, trial: { challenger: challenger.model, mirror: rolled } };
  const inside = placeOf(`${modelName}/${challenger.model}`, stickyKey(request, champion, challenger, keyOf));
  return inside < challenger.share
    ? { ...rolled, trial: { challenger: challenger.model, mirror: champion } }
    : { ...champion, trial: { challenger: challenger.model, mirror: null } };
}

/** The request as the challenger runs it; null when it cannot. */
function taken(host: ModelHost, request: InferRequest, challenger: Challenger) {
  try {
    const model = host.resolve(request.modelName, String(challenger.model));
    return { model, checked: checkRequest(model, request, host.maxRequestRows) };
  } catch (thrown) {
    if (thrown instanceof RelearnError && thrown.code !== 'INTERNAL') return null;
    throw thrown;
  }
}

/** Of the first row: a request is answered as a whole. */
function stickyKey(
  request: InferRequest,
  { model, checked }: Pick<Choice, 'model' | 'checked'>,
  { key }: Challenger,
  keyOf: KeyOf,
): string {
  const at = key === undefined ? undefined : model.inputAt.get(key);
  const [spec, tensor] = at === undefined ? [] : [model.signature.inputs[at], checked.inputs[at]];
  if (spec !== undefined && tensor !== undefined) return String(valuesOf(spec, tensor).values[0]);
  const given = request.parameters['sticky_key'];
  return given === undefined ? keyOf() : String(given);
}

/**
 * Where a key falls between 0 and 1, by the rollout's own salt: it stays there while the share grows, and another rollout
 * draws anew.
 */
export function placeOf(salt: string, key: string): number {
  return Number.parseInt(sha256(`${salt}/${key}`).slice(0, 8), 16) / 2 ** 32;
}
