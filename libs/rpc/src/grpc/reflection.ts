import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionV1Implementation } from '@grpc/reflection/build/src/implementations/reflection-v1.js';
import type { BidiStreaming, Service } from '../port.js';
import { messageOptions, serviceOf } from '../service.js';

type Implementation = ReflectionV1Implementation;
type Question = Parameters<Implementation['handleServerReflectionRequest']>[0];
type Answer = ReturnType<Implementation['handleServerReflectionRequest']>;

export interface ReflectionHandlers {
  serverReflectionInfo: BidiStreaming<Question, Answer>;
}

const folder = join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection')), '../proto/grpc/reflection');

/** Server reflection as clients ask for it, newest first; both say the same. */
export const reflectionServices = (['v1', 'v1alpha'] as const).map((version) =>
  serviceOf<ReflectionHandlers>(`${folder}/${version}/reflection.proto`, `grpc.reflection.${version}.ServerReflection`),
);

/** Answers for the services that are offered when the first question comes: until then no file is read for it. */
export function reflectionOver(services: () => readonly Service<unknown>[]): ReflectionHandlers {
  let known: Implementation | undefined;
  return {
    async *serverReflectionInfo(questions) {
      known ??= implementationOf(services());
      for await (const question of questions) yield known.handleServerReflectionRequest(question);
    },
  };
}

/**
 * All files are read at once: descriptors are made by package, and a package's files must come into one. Field names are
 * those of the files.
 */
function implementationOf(services: readonly Service<unknown>[]): Implementation {
  const files = [...new Set(services.map(({ file }) => file))];
  return new ReflectionV1Implementation(loadSync(files, { ...messageOptions, keepCase: true }), {
    services: services.map(({ name }) => name),
  });
}
