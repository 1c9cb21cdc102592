import { eventTypes, type EventType } from './define-event.js';
import { type Topic, topicNames, topics } from './topics.js';

interface Document {
  readonly [key: string]: unknown;
}

const day = 86_400_000;

/** What each topic holds, in a sentence. */
const about: Readonly<Record<Topic, string>> = {
  'data.raw': 'What the doors took, as it came: rows, context and labels of a pipeline together.',
  'data.valid': 'The records that fit their contract, once each.',
  'data.quarantine': 'The records that do not, with the reasons.',
  features: 'Feature rows as they were computed at their event time.',
  control: 'What pipelines, turns, models and deciders do: the state of the loop is folded from it.',
  predictions: 'What was answered, to the stream and to requests.',
  monitoring: 'Windows, drift, realised performance and data quality.',
  'dead-letters': 'Records that a consumer could not take, with their bytes.',
};

/** The attributes of every event as headers: CloudEvents 1.0, binary mode. */
const headers = {
  type: 'object',
  required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_sequence', 'ce_time', 'ce_pipeline'],
  properties: {
    ce_specversion: { type: 'string', const: '1.0' },
    ce_id: text('`source@sequence`: the same for each copy of an event.'),
    ce_source: text('What numbers its events: an aggregate, or a service with pipeline and shard, and the topic.'),
    ce_type: text('Name and version of the event.'),
    ce_sequence: text(
      'A whole number that grows within the source. A reader skips what is at or below the last it applied.',
    ),
    ce_previous: text(
      "The sequence of the source's event before this one; absent at the first. Above the last applied: a gap.",
    ),
    ce_time: text("The pipeline's business time, ISO 8601 UTC."),
    ce_subject: text('What the event is about.'),
    ce_pipeline: text('Name of the pipeline.'),
    ce_pipelineversion: text('Version of the pipeline file in force.'),
    ce_causationid: text('Id of the event that this one follows from.'),
    ce_correlationid: text('The turn that it belongs to.'),
    ce_actor: text('Who asked for it.'),
    ce_dataref: text('`sha256:` and the digest of the blob that holds the data, where it is too large for a record.'),
    traceparent: text('W3C trace context.'),
    'content-type': { type: 'string', const: 'application/json' },
  },
} as const;

function text(description: string) {
  return { type: 'string', description } as const;
}

/** The AsyncAPI 3.0 document (asyncapi.com) of all topics and events, made from their declarations. */
export function asyncApi(version: string): Document {
  const events = [...eventTypes().values()];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Relearn',
      version,
      description:
        'Events are CloudEvents 1.0 in binary mode. Topics may have a prefix, and each has the same partitions.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(topicNames.map((topic) => [keyOf(topic), channelOf(topic, events)])),
    operations: Object.fromEntries(
      topicNames.map((topic) => [
        `read_${keyOf(topic)}`,
        { action: 'receive', channel: ref('channels', keyOf(topic)) },
      ]),
    ),
    components: {
      messages: Object.fromEntries(events.map((event) => [event.type, messageOf(event)])),
      schemas: { attributes: headers, ...Object.fromEntries(events.map(({ type, schema }) => [type, schema])) },
    },
  };
}

function channelOf(topic: Topic, events: readonly EventType[]): Document {
  const { retentionMs } = topics[topic];
  const kept = retentionMs === null ? 'Kept for ever.' : `Kept for ${retentionMs / day} days at least.`;
  const configuration = { 'retention.ms': retentionMs ?? -1, 'cleanup.policy': ['delete'] };
  return {
    address: topic,
    description: `${about[topic]} ${kept}`,
    messages: Object.fromEntries(
      events.filter((event) => event.topic === topic).map(({ type }) => [type, ref('components/messages', type)]),
    ),
    bindings: { kafka: { topicConfiguration: configuration, bindingVersion: '0.5.0' } },
  };
}

function messageOf({ type, name }: EventType): Document {
  return {
    name: type,
    title: name,
    headers: ref('components/schemas', 'attributes'),
    payload: ref('components/schemas', type),
  };
}

function ref(place: string, name: string) {
  return { $ref: `#/${place}/${name}` } as const;
}

/** Names of channels and operations hold no dots. */
function keyOf(topic: Topic): string {
  return topic.replaceAll(/[.-]/g, '_');
}
