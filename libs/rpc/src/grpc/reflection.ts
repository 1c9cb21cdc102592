import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { Service } from '../port.js';
import { messageOptions } from '../service.js';

/**
 * Offers server reflection, v1 and v1alpha, over these services. All files are read at once: descriptors are made by
 * package, and a package's files must come into one. Field names are those of the files.
 */
export function addReflection(server: Server, services: readonly Service<unknown>[]): void {
  const files = [...new Set(services.map(({ file }) => file))];
  const names = services.map(({ name }) => name);
  new ReflectionService(loadSync(files, { ...messageOptions, keepCase: true }), { services: names }).addToServer(
    server,
  );
}
