import { type MachineMs, RelearnError } from '@relearn/kernel';

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** What `grpc-timeout` says, in milliseconds; infinite without it. Throws INVALID_INPUT. */
export function timeoutOf(text: string | undefined): MachineMs {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const unit = unitMs[text.slice(-1)];
  const count = text.slice(0, -1);
  if (unit === undefined || !/^\d{1,8}$/.test(count)) {
    throw new RelearnError('INVALID_INPUT', `grpc-timeout '${text}' is no time`, {
      remedy: 'Send up to 8 digits and a unit: H, M, S, m, u or n.',
    });
  }
  return Number(count) * unit;
}
