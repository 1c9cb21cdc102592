import { invalid } from './settings.js';
import { type ServiceName, serviceNames } from '../service-names.js';

/** Where a service of another process listens. */
export interface PeerAddress {
  readonly host: string;
  readonly grpc: number;
  readonly http: number;
}

export type Addresses = ReadonlyMap<ServiceName, PeerAddress>;

const standard = { grpc: 8001, http: 8080 };

/**
 * RELEARN_ADDRESSES: `feature=host:8001,serving=host:8001/8080`: host, gRPC port and, where it is another than 8080, HTTP port. Services
 * that it does not name are at the host that bears their name, as in containers. Throws INVALID_CONFIG.
 */
export function readAddresses(text: string): Addresses {
  const addresses = new Map<ServiceName, PeerAddress>(
    serviceNames.map((name) => [name, { host: name, ...standard }] as const),
  );
  for (const entry of text.split(',').map((one) => one.trim())) {
    if (entry === '') continue;
    const match = /^([a-z]+)=(\[[^\]]+\]|[^:[\]/]+)(?::(\d+))?(?:\/(\d+))?$/.exec(entry);
    const name = serviceNames.find((known) => known === match?.[1]);
    const [grpc, http] = [Number(match?.[3] ?? standard.grpc), Number(match?.[4] ?? standard.http)];
    if (name === undefined || !isPort(grpc) || !isPort(http)) {
      throw invalid(
        'RELEARN_ADDRESSES',
        `RELEARN_ADDRESSES: '${entry}' is no address of a service`,
        `Write SERVICE=HOST:GRPC_PORT or SERVICE=HOST:GRPC_PORT/HTTP_PORT; services are ${serviceNames.join(', ')}.`,
      );
    }
    addresses.set(name, { host: match?.[2] ?? '', grpc, http });
  }
  return addresses;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
