import { cellsOf, scalarsOf, serviceOf, type Unary, type WireScalar } from '@relearn/rpc';
import type { Freshness, Predictor } from '../predict/predictor.js';

type Scalars = Readonly<Record<string, WireScalar>>;

/** The messages of `relearn/v1/serving.proto`; what each field means is said there. */
export interface PredictRequest {
  readonly pipeline: string;
  readonly modelVersion?: string;
  readonly rows: readonly { readonly entity?: Scalars; readonly columns?: Scalars; readonly eventId?: string }[];
  readonly id?: string;
}

export interface PredictResponse {
  readonly pipeline: string;
  readonly modelVersion: string;
  readonly arm: string;
  readonly rows: readonly { readonly outputs: Scalars; readonly features?: Freshness }[];
}

export interface ServingHandlers {
  predict: Unary<PredictRequest, PredictResponse>;
}

export const servingService = serviceOf<ServingHandlers>('relearn/v1/serving.proto', 'relearn.v1.Serving');

export function servingHandlers(predictor: Predictor): ServingHandlers {
  return {
    async predict({ pipeline, modelVersion = '', rows, id = '' }, context) {
      const order = {
        pipeline,
        version: modelVersion,
        id,
        rows: rows.map(({ entity = {}, columns = {}, eventId = '' }) => ({
          entity: cellsOf(entity),
          columns: cellsOf(columns),
          eventId,
        })),
      };
      const { version, arm, rows: predicted } = await predictor.predict(order, context);
      return {
        pipeline,
        modelVersion: version,
        arm,
        rows: predicted.map(({ outputs, freshness }) => ({
          outputs: scalarsOf(outputs),
          ...(freshness === null ? {} : { features: freshness }),
        })),
      };
    },
  };
}
