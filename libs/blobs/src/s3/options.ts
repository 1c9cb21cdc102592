import { RelearnError, type Setting } from '@relearn/kernel';

export interface S3Options {
  readonly bucket: string;
  /** What keys begin with: empty, or a path that ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  /** Of a server that is not Amazon's. */
  readonly endpoint?: string;
  /** The bucket in the path instead of the host's name. */
  readonly pathStyle: boolean;
  /** Absent: the SDK looks where it always looks (profiles, the container's or the instance's role). */
  readonly credentials?: S3Credentials;
  /** PEM text of the authority that has signed the endpoint's certificate. */
  readonly ca?: string;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const form = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?]*))?(?:\?(.*))?$/;
const parameters = ['region', 'endpoint', 'path-style'];

/**
 * `s3://BUCKET/PREFIX?region=REGION&endpoint=URL&path-style=true`. Settings: AWS_REGION or AWS_DEFAULT_REGION,
 * AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and RELEARN_S3_CA (PEM
 * text). The URL goes before the settings. Throws INVALID_CONFIG naming the setting.
 */
export function s3Options(url: string, setting: Setting): S3Options {
  const [, bucket, path = '', query = ''] = form.exec(url) ?? [];
  if (bucket === undefined) throw invalid('RELEARN_BLOBS', `${url} names no bucket`, 'Write s3://BUCKET/PREFIX.');
  const asked = new URLSearchParams(query);
  for (const name of asked.keys()) {
    if (!parameters.includes(name)) {
      throw invalid('RELEARN_BLOBS', `${url}: no parameter '${name}'`, `There are ${parameters.join(', ')}.`);
    }
  }
  const endpoint = endpointOf(asked.get('endpoint') ?? setting('AWS_ENDPOINT_URL_S3') ?? setting('AWS_ENDPOINT_URL'));
  const ca = setting('RELEARN_S3_CA');
  if (ca !== undefined && !ca.includes('-----BEGIN ')) {
    throw invalid('RELEARN_S3_CA', 'RELEARN_S3_CA is no PEM text', 'To name a file, set RELEARN_S3_CA_FILE.');
  }
  return {
    bucket,
    prefix: prefixOf(path),
    region: regionOf(asked.get('region') ?? setting('AWS_REGION') ?? setting('AWS_DEFAULT_REGION'), endpoint),
    pathStyle: flag(asked.get('path-style'), url),
    ...(endpoint !== undefined && { endpoint }),
    ...credentialsOf(setting),
    ...(ca !== undefined && { ca }),
  };
}

function prefixOf(path: string): string {
  const steps = decodeURIComponent(path).split('/');
  const named = steps.filter((step) => step !== '');
  if (named.some((step) => step === '.' || step === '..')) {
    throw invalid('RELEARN_BLOBS', `'${path}' is no prefix of keys`, 'Write a path without . and .. in it.');
  }
  return named.map((step) => `${step}/`).join('');
}

function regionOf(region: string | undefined, endpoint: string | undefined): string {
  if (region !== undefined) return region;
  // Other servers than Amazon's mostly have one region and call it so.
  if (endpoint !== undefined) return 'us-east-1';
  throw invalid('AWS_REGION', 'the bucket’s region is not given', 'Set AWS_REGION, or add ?region= to RELEARN_BLOBS.');
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined || /^https?:\/\/[^/?#]+\/?$/.test(text)) return text;
  throw invalid('RELEARN_BLOBS', `the endpoint ${text} is no address`, 'Write http://HOST:PORT or https://HOST.');
}

function flag(text: string | null, url: string): boolean {
  if (text === null || text === 'false') return false;
  if (text === 'true' || text === '') return true;
  throw invalid('RELEARN_BLOBS', `${url}: path-style is true or false`, 'Write path-style=true.');
}

function credentialsOf(setting: Setting): { readonly credentials?: S3Credentials } {
  const accessKeyId = setting('AWS_ACCESS_KEY_ID');
  const secretAccessKey = setting('AWS_SECRET_ACCESS_KEY');
  const sessionToken = setting('AWS_SESSION_TOKEN');
  if (accessKeyId === undefined && secretAccessKey === undefined) return {};
  if (accessKeyId === undefined) throw alone('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID');
  if (secretAccessKey === undefined) throw alone('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) } };
}

function alone(name: string, other: string): RelearnError {
  return invalid(other, `${name} is set and ${other} is not`, 'Set both or neither.');
}

function invalid(field: string, message: string, remedy: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', message, { place: { field }, remedy });
}
