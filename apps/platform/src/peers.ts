import type { Clock } from '@relearn/kernel';
import type { Client, RpcChannel, RpcServer, Service } from '@relearn/rpc';
import { type AnsweredCall, GrpcChannel } from '@relearn/rpc/grpc';
import { InProcessRpc } from '@relearn/rpc/in-process';
import type { Addresses, PeerAddress } from './config/addresses.js';
import type { ServiceName } from './service-names.js';

/** The ways to services: in process where one runs here, by gRPC to its address where it runs elsewhere. */
export class Peers {
  /** Where the services of this process are offered to each other. */
  readonly here: RpcServer;
  private readonly local: InProcessRpc;
  private readonly names: ReadonlySet<ServiceName>;
  private readonly addresses: Addresses;
  private readonly clock: Clock;
  private readonly onCall: (call: AnsweredCall) => void;
  private readonly channels = new Map<string, RpcChannel>();

  constructor(
    clock: Clock,
    names: readonly ServiceName[],
    addresses: Addresses,
    /** Hears of every unary call to a service elsewhere. */
    onCall: (call: AnsweredCall) => void = () => undefined,
  ) {
    this.onCall = onCall;
    this.clock = clock;
    this.names = new Set(names);
    this.addresses = addresses;
    this.local = new InProcessRpc(clock);
    this.here = this.local;
  }

  runsHere(name: ServiceName): boolean {
    return this.names.has(name);
  }

  client<Handlers extends object>(name: ServiceName, service: Service<Handlers>): Client<Handlers> {
    return this.channelTo(name).client(service);
  }

  /** Base address of the HTTP door of a service elsewhere. */
  httpOf(name: ServiceName): string {
    const { host, http } = this.addressOf(name);
    return `http://${host}:${http}`;
  }

  async close(): Promise<void> {
    await this.local.close();
    await Promise.all([...this.channels.values()].map((channel) => channel.close()));
  }

  private channelTo(name: ServiceName): RpcChannel {
    if (this.runsHere(name)) return this.local;
    const { host, grpc } = this.addressOf(name);
    const address = `${host}:${grpc}`;
    const channel = this.channels.get(address) ?? new GrpcChannel({ address, clock: this.clock, onCall: this.onCall });
    this.channels.set(address, channel);
    return channel;
  }

  private addressOf(name: ServiceName): PeerAddress {
    return this.addresses.get(name) ?? { host: name, grpc: 8001, http: 8080 };
  }
}
