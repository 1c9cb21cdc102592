import { RelearnError } from '@relearn/kernel';

/** UNAVAILABLE where the address is in use or forbidden, INVALID_CONFIG where it is none. */
export function bindError(address: string, failure: Error): RelearnError {
  const text = failure.message;
  if (text.includes('EADDRINUSE')) {
    return new RelearnError('UNAVAILABLE', `gRPC cannot listen on ${address}: the port is in use`, {
      cause: failure,
      remedy: 'Stop the process that listens there, or name another address in RELEARN_GRPC.',
    });
  }
  if (text.includes('EACCES')) {
    return new RelearnError('UNAVAILABLE', `gRPC may not listen on ${address}: permission denied`, {
      cause: failure,
      remedy: 'Name a port above 1023 in RELEARN_GRPC.',
    });
  }
  return new RelearnError('INVALID_CONFIG', `gRPC cannot listen on ${address}: ${text}`, {
    cause: failure,
    remedy: 'Name an address of this machine in RELEARN_GRPC, as host:port.',
  });
}

/** Throws UNAVAILABLE before the start. */
export function boundPort(port: number | undefined): number {
  if (port === undefined) throw new RelearnError('UNAVAILABLE', 'the gRPC server is not started');
  return port;
}
