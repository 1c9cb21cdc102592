import { RelearnError } from '@relearn/kernel';

// The protocol names no error texts; these are the ones that clients of the protocol's reference server know.

const unknown = (rest: string) => `Request for unknown model: ${rest}`;

/** Refused at once since it would be answered too late: nobody worked on it. */
export class RefusedLate extends RelearnError {}

export const refusals = {
  tooLate: () =>
    new RefusedLate('DEADLINE_EXCEEDED', 'The queue is too long for the deadline of the request', {
      remedy: 'Ask with more time, or another instance.',
    }),
  unknownModel: (name: string) => new RelearnError('NOT_FOUND', unknown(`'${name}' is not found`)),
  unknownVersion: (name: string, version: string) =>
    new RelearnError('NOT_FOUND', unknown(`'${name}' version ${version} is not found`)),
  noVersion: (name: string) => new RelearnError('NOT_FOUND', unknown(`'${name}' has no available versions`)),
  notReady: (name: string, version: string) =>
    new RelearnError('UNAVAILABLE', unknown(`'${name}' version ${version} is not at ready state`)),
  negativeVersion: (version: string) =>
    new RelearnError(
      'INVALID_INPUT',
      `invalid model version specified '${version}' , version should be an integral value > 0`,
    ),
  badVersion: (version: string) =>
    new RelearnError(
      'INVALID_INPUT',
      `failed to get model version from specified version string '${version}' (details: stol), version should be an integral value > 0`,
    ),
  namedRepository: () => new RelearnError('UNIMPLEMENTED', "'repository_name' specification is not supported"),
  modelControl: () =>
    new RelearnError('UNAVAILABLE', 'explicit model load / unload is not allowed if polling is enabled', {
      remedy:
        'Models come from the registry: `relearn models register`, `promote` and `rollback` change what is served.',
    }),
  noRegion: (kind: string, name: string) =>
    new RelearnError('NOT_FOUND', `Unable to find ${kind}shared memory region: '${name}'`),
  noSharedMemory: () =>
    new RelearnError('UNIMPLEMENTED', 'Client shared memory is not offered: send tensors in the request.'),
  noTrace: () => new RelearnError('UNAVAILABLE', 'the server does not support changes of its trace settings'),
  noLogging: () => new RelearnError('UNAVAILABLE', 'the server does not support dynamic logging'),
  stopping: () =>
    new RelearnError(
      'UNAVAILABLE',
      'Server is stopping, scheduler for model has stopped accepting new inference requests',
    ),
} as const;
