import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { asyncApi, eventTypes, topicNames } from '../src/index.js';

const require = createRequire(import.meta.url);
const version = '0.1.0';

interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: object }>>;
  readonly components: { readonly schemas: object };
}

describe('the AsyncAPI document', () => {
  const document = asyncApi(version) as unknown as Document;

  test('fits the specification', () => {
    const schema = require('@asyncapi/specs/schemas/3.0.0.json') as object;
    const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false });
    const valid = ajv.validate(schema, JSON.parse(JSON.stringify(document)));
    expect(ajv.errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  test('holds every topic with its events and their schemas', () => {
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual(topicNames);
    const types = Object.values(document.channels).flatMap(({ messages }) => Object.keys(messages));
    expect(types.sort()).toEqual([...eventTypes().keys()].sort());
    expect(Object.keys(document.components.schemas)).toEqual(['attributes', ...eventTypes().keys()]);
  });
});
