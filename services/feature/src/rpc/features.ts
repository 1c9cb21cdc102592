import { formatTimestamp } from '@relearn/kernel';
import { cellsOf, scalarsOf, serviceOf, type Unary, type WireScalar } from '@relearn/rpc';
import type { OnlineReader, OnlineStatus } from './get-online.js';

export interface GetOnlineRequest {
  readonly pipeline: string;
  readonly keys: Readonly<Record<string, WireScalar>>;
}

export interface GetOnlineResponse {
  readonly status: OnlineStatus;
  /** Empty when the entity has no row. */
  readonly eventId: string;
  readonly time: string;
  readonly features: Readonly<Record<string, WireScalar>>;
  readonly asOf: string;
}

export interface FeaturesHandlers {
  getOnline: Unary<GetOnlineRequest, GetOnlineResponse>;
}

export const featuresService = serviceOf<FeaturesHandlers>('relearn/v1/feature.proto', 'relearn.v1.Features');

export function featuresHandlers(read: OnlineReader): FeaturesHandlers {
  return {
    async getOnline({ pipeline, keys }) {
      const { status, id, time, asOf, features } = read(pipeline, cellsOf(keys));
      const textOf = (at: number | null) => (at === null ? '' : formatTimestamp(at));
      return { status, eventId: id ?? '', time: textOf(time), features: scalarsOf(features), asOf: textOf(asOf) };
    },
  };
}
