/**
 * The parts of kafkajs 2.2.4 below its public clients: one broker's protocol, and the connections to it. kafkajs publishes no
 * types for them. The version is pinned exactly, and the project has ended, so they do not move.
 */
declare module 'kafkajs/src/network/connectionPool.js' {
  interface Connection {
    rejectRequests(error: Error): void;
    readonly socket?: { destroy(): void };
  }

  interface Logger {
    namespace(name: string): Logger;
    error(message: string, extra?: object): void;
    warn(message: string, extra?: object): void;
    info(message: string, extra?: object): void;
    debug(message: string, extra?: object): void;
  }

  /** The connections to one broker: one for fetches and one for all else, each opened by its first request. */
  class ConnectionPool {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly clientId: string;
      readonly ssl: object | null;
      readonly sasl: object | null;
      readonly connectionTimeout: number;
      readonly requestTimeout: number;
      readonly enforceRequestTimeout: boolean;
      readonly logger: Logger;
      readonly socketFactory: unknown;
    });
    readonly pool: readonly Connection[];
    getConnection(index?: number): Promise<Connection>;
  }
  export = ConnectionPool;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  function socketFactory(): unknown;
  export = socketFactory;
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
  }
  export = RequestQueue;
}

declare module 'kafkajs/src/broker/index.js' {
  interface TopicPartitions<P> {
    readonly topic: string;
    readonly partitions: readonly P[];
  }

  /** Answers are rejected with an error whose `type` is the protocol's name of the first failure in them. */
  class Broker {
    constructor(options: {
      readonly connectionPool: unknown;
      readonly logger: unknown;
      readonly nodeId: number | null;
      readonly allowAutoTopicCreation: boolean;
      readonly authenticationTimeout: number;
    });
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isConnected(): boolean;
    apiVersions(): Promise<unknown>;
    /** No name at all means every topic. */
    metadata(topics: readonly string[]): Promise<{
      readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
      readonly topicMetadata: readonly {
        readonly topic: string;
        readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
      }[];
    }>;
    createTopics(request: {
      readonly topics: readonly {
        readonly topic: string;
        readonly numPartitions: number;
        readonly replicationFactor: number;
        readonly configEntries: readonly { readonly name: string; readonly value: string }[];
      }[];
      readonly timeout: number;
    }): Promise<unknown>;
    describeConfigs(request: {
      readonly resources: readonly { readonly type: number; readonly name: string }[];
    }): Promise<{
      readonly resources: readonly {
        readonly resourceName: string;
        readonly configEntries: readonly {
          readonly configName: string;
          readonly configValue: string | null;
          readonly configSource: number;
        }[];
      }[];
    }>;
    alterConfigs(request: {
      readonly resources: readonly {
        readonly type: number;
        readonly name: string;
        readonly configEntries: readonly { readonly name: string; readonly value: string }[];
      }[];
    }): Promise<unknown>;
    produce(request: {
      readonly acks: number;
      readonly timeout: number;
      readonly topicData: readonly TopicPartitions<{
        readonly partition: number;
        readonly messages: readonly {
          readonly key: string | null;
          readonly value: Uint8Array;
          readonly headers: Readonly<Record<string, string>>;
        }[];
      }>[];
    }): Promise<{
      readonly topics: readonly {
        readonly topicName: string;
        readonly partitions: readonly { readonly partition: number; readonly baseOffset: string }[];
      }[];
    }>;
    fetch(request: {
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly topics: readonly TopicPartitions<{
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }>[];
    }): Promise<{
      readonly responses: readonly {
        readonly topicName: string;
        readonly partitions: readonly {
          readonly partition: number;
          readonly highWatermark: string;
          readonly messages: readonly {
            readonly offset: string;
            readonly timestamp: string;
            readonly key: Buffer | null;
            readonly value: Buffer | null;
            readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
            readonly isControlRecord: boolean;
          }[];
        }[];
      }[];
    }>;
    listOffsets(request: {
      readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly timestamp: number }>[];
    }): Promise<{
      readonly responses: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
    }>;
    findGroupCoordinator(request: { readonly groupId: string; readonly coordinatorType: number }): Promise<{
      readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
    }>;
    joinGroup(request: {
      readonly groupId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly memberId: string;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    }): Promise<{
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
    }>;
    syncGroup(request: {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    }): Promise<{ readonly memberAssignment: Buffer }>;
    heartbeat(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
    }): Promise<unknown>;
    leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
    offsetCommit(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
      readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
    }): Promise<unknown>;
    offsetFetch(request: {
      readonly groupId: string;
      readonly topics: readonly TopicPartitions<{ readonly partition: number }>[];
    }): Promise<{
      readonly responses: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
    }>;
  }
  export = Broker;
}
