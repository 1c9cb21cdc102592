import { part } from './part.js';

/** A Sigstore bundle v0.3 around a DSSE envelope, signed by a key of one's own. Bytes are base64. */
export interface Signature {
  readonly mediaType: typeof mediaType;
  readonly verificationMaterial: {
    /** `hint`: SHA-256 of the public key as PEM. */
    readonly publicKey: { readonly hint: string };
    readonly tlogEntries: readonly [];
  };
  readonly dsseEnvelope: {
    readonly payload: string;
    readonly payloadType: typeof payloadType;
    readonly signatures: readonly [{ readonly sig: string; readonly keyid: '' }];
  };
}

const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const payloadType = 'application/vnd.in-toto+json';

export function signatureOf(payload: Uint8Array, hint: string, sig: Uint8Array): Signature {
  return {
    mediaType,
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType,
      signatures: [{ sig: Buffer.from(sig).toString('base64'), keyid: '' }],
    },
  };
}

/** The signature in a value of JSON; null where there is none of this kind. */
export function signatureIn(value: unknown): Signature | null {
  const envelope = part(value, 'dsseEnvelope');
  const [payload, hint] = [
    part(envelope, 'payload'),
    part(part(part(value, 'verificationMaterial'), 'publicKey'), 'hint'),
  ];
  const signatures = part(envelope, 'signatures');
  const sig = Array.isArray(signatures) && signatures.length === 1 ? part(signatures[0], 'sig') : undefined;
  if (part(value, 'mediaType') !== mediaType || part(envelope, 'payloadType') !== payloadType) return null;
  if (typeof payload !== 'string' || typeof hint !== 'string' || typeof sig !== 'string') return null;
  return signatureOf(Buffer.from(payload, 'base64'), hint, Buffer.from(sig, 'base64'));
}

/** DSSE's pre-authentication encoding: the bytes that are signed for a payload. */
export function preAuthentication(payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
}
