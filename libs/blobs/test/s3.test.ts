import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type BlobsServer, blobsConformance } from '@relearn/blobs/conformance';
import { openS3Blobs, s3Options } from '@relearn/blobs/s3';
import { sha256, systemChance } from '@relearn/kernel';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { s3Credentials } from '../../../tests/brokers/engines.js';
import { serverOfOurOwn } from '../../../tests/brokers/own-server.js';

const { s3 } = inject('engines');
const bucket = `relearn-${systemChance.id().slice(0, 8)}`;
const settings: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe.skipIf(s3 === null)('on a server', async () => {
  const server = s3 === null ? null : await serverOfOurOwn('s3');
  const endpoint = server?.address ?? s3 ?? '';
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: s3Credentials });
  const opened = (path: string, given = settings) =>
    openS3Blobs(s3Options(`s3://${path}?path-style=true&endpoint=${endpoint}`, (name) => given[name]));
  let count = 0;
  let dead = false;

  beforeAll(async () => void (await client.send(new CreateBucketCommand({ Bucket: bucket }))));

  const guarded = (own: BlobsServer): BlobsServer => ({
    async kill() {
      dead = true;
      await own.kill();
    },
    async restart() {
      await own.restart();
      dead = false;
    },
  });

  const factory = async () => {
    const prefix = `of a test/${++count}`;
    const open = async () => opened(`${bucket}/${prefix}`);
    return {
      blobs: await open(),
      reopen: open,
      another: open,
      ...(server !== null && { server: guarded(server) }),
      damage: async (digest: string) => {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/${digest}`, Body: 'other bytes' }));
      },
      close: async () => {
        if (dead) await server?.restart();
      },
    };
  };

  blobsConformance('s3', factory, server === null ? { server: 'it is not a server of this run' } : {});

  test('a list has more pages than an answer holds, and foreign objects are left out', async () => {
    const blobs = opened(`${bucket}/many`);
    const digests = await Promise.all(Array.from({ length: 1_010 }, (_, n) => blobs.put(Buffer.from(`blob ${n}`))));
    for (const name of ['0-foreign', 'readme']) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `many/${name}`, Body: 'x' }));
    }
    expect(await blobs.list({ limit: 2_000 })).toEqual([...digests].sort());
    expect(await blobs.list({ limit: 2 })).toHaveLength(2);
  });

  test('a prefix has its blobs to itself', async () => {
    const [a, ab] = [opened(`${bucket}/a`), opened(`${bucket}/ab`)];
    await ab.put(bytesOf('x'));
    expect(await a.list({ limit: 1 })).toEqual([]);
    expect(await a.has(sha256('x'))).toBe(false);
  });

  test('a bucket that is not there and credentials that are wrong are INVALID_CONFIG', async () => {
    const stranger = opened(bucket, { ...settings, AWS_SECRET_ACCESS_KEY: 'wrong' });
    for (const blobs of [opened('relearn-nowhere'), stranger]) {
      await expect(blobs.put(bytesOf('x'))).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
      expect(blobs.health?.()?.code).toBe('INVALID_CONFIG');
    }
  });
});
