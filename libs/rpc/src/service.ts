import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition, type Options } from '@grpc/proto-loader';
import { RelearnError } from '@relearn/kernel';
import type { Codec, Method, Service } from './port.js';

/** The folder of the platform's .proto files. */
export const protoRoot = fileURLToPath(new URL('../../../proto/', import.meta.url));

/**
 * How every message looks in TypeScript: fields in lower camel case, int64 as decimal strings, enums by name, absent
 * scalars as their defaults, absent messages null, the chosen field's name under the oneof's name.
 */
export const messageOptions: Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [protoRoot],
};

export type Codecs = Readonly<Record<string, { readonly request?: Codec<never>; readonly response?: Codec<never> }>>;

/**
 * The service `name` (with its package) of a .proto file: a path below `proto/` or an absolute one. `codecs` replaces
 * the encoding of single methods, by their lower camel case name, on the side that names it.
 * Throws INVALID_CONFIG where the file or the service is missing, UNIMPLEMENTED for a method with client streaming.
 */
export function serviceOf<Handlers extends object>(file: string, name: string, codecs: Codecs = {}): Service<Handlers> {
  if (!existsSync(`${protoRoot}${file}`) && !existsSync(file)) {
    throw new RelearnError('INVALID_CONFIG', `${file}: no such file below ${protoRoot}`, {
      remedy: 'Reinstall: the folder proto/ belongs to the program.',
    });
  }
  const definition = loadSync(file, messageOptions)[name];
  if (definition === undefined || 'format' in definition) {
    throw new RelearnError('INVALID_CONFIG', `${file} declares no service ${name}`);
  }
  const methods = Object.values(definition).map((method) => methodOf(method, codecs));
  return { name, methods };
}

function methodOf(definition: MethodDefinition<object, object>, codecs: Codecs): Method {
  if (definition.requestStream) {
    throw new RelearnError('UNIMPLEMENTED', `${definition.path}: client streaming is not offered`);
  }
  const name = definition.originalName ?? definition.path;
  const own = codecs[name];
  return {
    name,
    path: definition.path,
    responseStream: definition.responseStream,
    request:
      own?.request === undefined
        ? loaded(definition.requestSerialize, definition.requestDeserialize)
        : anyOf(own.request),
    response:
      own?.response === undefined
        ? loaded(definition.responseSerialize, definition.responseDeserialize)
        : anyOf(own.response),
  };
}

function loaded(encode: (message: object) => Buffer, decode: (bytes: Buffer) => object): Codec<unknown> {
  return {
    encode: (message) => encode(message as object),
    decode: (bytes) => decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  };
}

/** A method's messages are known by their type parameter only; here the adapters' view begins. */
function anyOf(codec: Codec<never>): Codec<unknown> {
  return codec as unknown as Codec<unknown>;
}
