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

/** One or both directions of a codec whose message type only the service's own type parameter knows. */
export interface OwnCodec {
  readonly encode?: (message: never) => Uint8Array;
  readonly decode?: (bytes: Uint8Array) => unknown;
}

/** Replaces the encoding of a method: the directions that are given; `lent` as in `Method`. */
export interface OwnCodecs {
  readonly request?: OwnCodec;
  readonly response?: OwnCodec;
  readonly lent?: boolean;
}

/** Of single methods, by their lower camel case name. */
export type Codecs = Readonly<Record<string, OwnCodecs>>;

/**
 * The service `name` (with its package) of a .proto file: a path below `proto/` or an absolute one. The file is
 * read now.
 * Throws INVALID_CONFIG where the file or the service is missing, UNIMPLEMENTED for a method with a stream of requests
 * and one response.
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
  return { name, file, methods };
}

function methodOf(definition: MethodDefinition<object, object>, codecs: Codecs): Method {
  if (definition.requestStream && !definition.responseStream) {
    throw new RelearnError('UNIMPLEMENTED', `${definition.path}: a stream of requests needs a stream of responses`);
  }
  const name = definition.originalName ?? definition.path;
  const own = codecs[name];
  return {
    name,
    path: definition.path,
    requestStream: definition.requestStream,
    responseStream: definition.responseStream,
    request: codecOf(definition.requestSerialize, definition.requestDeserialize, own?.request),
    response: codecOf(definition.responseSerialize, definition.responseDeserialize, own?.response),
    lent: own?.lent ?? false,
  };
}

/** A method's messages are known by their type parameter only; here the adapters' view of them begins. */
function codecOf(
  serialize: (message: object) => Buffer,
  deserialize: (bytes: Buffer) => object,
  own: OwnCodec = {},
): Codec<unknown> {
  const loaded: Codec<unknown> = {
    encode: (message) => serialize(message as object),
    decode: (bytes) => deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  };
  return { ...loaded, ...(own as Partial<Codec<unknown>>) };
}
