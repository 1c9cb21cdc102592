import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type Clock, RelearnError, systemClock } from '@relearn/kernel';
import { absent, checkDigest, checkLimit, corrupt, digestInSlices } from '../core/digest.js';
import type { BlobDigest, Blobs } from '../port.js';
import { isMissing, s3Error } from './errors.js';
import type { S3Options } from './options.js';
import { Turns } from './turns.js';

export { type S3Credentials, type S3Options, s3Options } from './options.js';

/** As many as an answer holds. */
const pageSize = 1_000;
/** Fewer than the SDK has sockets: who waits for one is timed as if the server did not answer. */
const requestsAtOnce = 40;

/**
 * Blobs as objects `PREFIX/DIGEST` of a bucket, for any number of processes. An object is whole or absent, and putting it again
 * writes the same. Needs the bucket to be there. Lists follow the order of keys, as general purpose buckets give it. Errors:
 * UNAVAILABLE after a few tries when the server cannot be reached, INVALID_CONFIG when it refuses bucket or credentials.
 */
export function openS3Blobs(options: S3Options, clock: Clock = systemClock): Blobs {
  return new S3Blobs(options, clock);
}

class S3Blobs implements Blobs {
  readonly features = { name: 's3' };
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly clock: Clock;
  private readonly turns = new Turns(requestsAtOnce);
  private readonly active = new Set<Promise<unknown>>();
  private trouble: RelearnError | null = null;
  private closed = false;

  constructor({ bucket, prefix, region, endpoint, pathStyle, credentials, ca }: S3Options, clock: Clock) {
    this.bucket = bucket;
    this.prefix = prefix;
    this.clock = clock;
    this.client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
      requestHandler: {
        connectionTimeout: 3_000,
        requestTimeout: 30_000,
        ...(ca !== undefined && { httpsAgent: { ca, keepAlive: true } }),
      },
    });
  }

  async put(bytes: Uint8Array): Promise<BlobDigest> {
    this.check();
    const digest = await digestInSlices(bytes, () => this.clock.breathe());
    // The server compares it with the bytes that have come.
    const ChecksumSHA256 = Buffer.from(digest, 'hex').toString('base64');
    const command = new PutObjectCommand({ ...this.object(digest), Body: bytes, ChecksumSHA256 });
    await this.call(digest, () => this.client.send(command));
    return digest;
  }

  async get(digest: BlobDigest): Promise<Uint8Array> {
    this.check(digest);
    const bytes = await this.call(digest, async () => {
      const { Body } = await this.client.send(new GetObjectCommand(this.object(digest)));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    });
    if (bytes === null) throw absent(digest);
    const found = await digestInSlices(bytes, () => this.clock.breathe());
    if (found !== digest) throw corrupt(digest, found, this.placeOf(digest));
    return bytes;
  }

  async has(digest: BlobDigest): Promise<boolean> {
    this.check(digest);
    return (await this.call(digest, () => this.client.send(new HeadObjectCommand(this.object(digest))))) !== null;
  }

  async remove(digest: BlobDigest): Promise<void> {
    this.check(digest);
    await this.call(digest, () => this.client.send(new DeleteObjectCommand(this.object(digest))));
  }

  async list({ after = '', limit }: { readonly after?: BlobDigest; readonly limit: number }): Promise<BlobDigest[]> {
    this.check();
    checkLimit(limit);
    const found: BlobDigest[] = [];
    for (let from = after; ; ) {
      const page = await this.page(from, Math.min(limit - found.length, pageSize));
      found.push(...page.names.filter((name) => /^[0-9a-f]{64}$/.test(name)));
      from = page.names.at(-1) ?? from;
      if (!page.more || found.length >= limit) return found;
    }
  }

  health(): RelearnError | null {
    return this.trouble;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.active);
    this.client.destroy();
  }

  private async page(after: string, limit: number): Promise<{ readonly names: string[]; readonly more: boolean }> {
    const command = new ListObjectsV2Command({
      Bucket: this.bucket,
      Prefix: this.prefix,
      MaxKeys: limit,
      ...(after !== '' && { StartAfter: `${this.prefix}${after}` }),
    });
    const answer = await this.call('', () => this.client.send(command));
    const keys = (answer?.Contents ?? []).flatMap(({ Key }) => Key ?? []);
    return { names: keys.map((key) => key.slice(this.prefix.length)), more: answer?.IsTruncated === true };
  }

  /** Null when there is no such object. What it throws or answers says whether the server is there. */
  private async call<T>(name: string, send: () => Promise<T>): Promise<T | null> {
    const sending = this.turns.run(send);
    this.active.add(sending);
    try {
      const answer = await sending;
      this.trouble = null;
      return answer;
    } catch (thrown) {
      if (isMissing(thrown)) {
        this.trouble = null;
        return null;
      }
      this.trouble = s3Error(thrown, this.placeOf(name));
      throw this.trouble;
    } finally {
      this.active.delete(sending);
    }
  }

  private object(digest: BlobDigest) {
    return { Bucket: this.bucket, Key: `${this.prefix}${digest}` };
  }

  private placeOf(name: string): string {
    return `s3://${this.bucket}/${this.prefix}${name}`;
  }

  private check(digest?: BlobDigest): void {
    if (this.closed) throw new RelearnError('UNAVAILABLE', 'the blobs are closed');
    if (digest !== undefined) checkDigest(digest);
  }
}
