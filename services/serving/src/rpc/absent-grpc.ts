import type { RelearnError } from '@relearn/kernel';
import type { Unary } from '@relearn/rpc';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { logSettings } from '../inference/oip/fixed-settings.js';
import { refusals } from '../inference/refusals.js';

/** Settings as a request names them; empty where it only asks. */
type Wanted = Readonly<Record<string, object>>;
type LogValue = { boolParam: boolean } | { uint32Param: number } | { stringParam: string };

/** A call that is there to be refused with its reason, or that has nothing to do. */
type Empty = Unary<object, object>;
type Regions = Unary<{ readonly name: string }, { regions: Readonly<Record<string, object>> }>;

/** What the reference server has and this one has not. */
export interface AbsentHandlers {
  systemSharedMemoryStatus: Regions;
  systemSharedMemoryRegister: Empty;
  systemSharedMemoryUnregister: Empty;
  cudaSharedMemoryStatus: Regions;
  cudaSharedMemoryRegister: Empty;
  cudaSharedMemoryUnregister: Empty;
  traceSetting: Unary<
    { readonly settings: Wanted; readonly modelName: string },
    { settings: Readonly<Record<string, { value: readonly string[] }>> }
  >;
  logSettings: Unary<{ readonly settings: Wanted }, { settings: Readonly<Record<string, LogValue>> }>;
}

export function absentHandlers(plane: DataPlane): AbsentHandlers {
  return {
    systemSharedMemoryStatus: regionsOf('system'),
    systemSharedMemoryRegister: noSharedMemory,
    systemSharedMemoryUnregister: nothingRegistered,
    cudaSharedMemoryStatus: regionsOf('cuda'),
    cudaSharedMemoryRegister: noSharedMemory,
    cudaSharedMemoryUnregister: nothingRegistered,
    async traceSetting({ settings, modelName }) {
      if (isWish(settings)) throw refusals.noTrace();
      const values = Object.entries(plane.traceSettings(modelName));
      return { settings: Object.fromEntries(values.map(([name, value]) => [name, { value }])) };
    },
    async logSettings({ settings }) {
      if (isWish(settings)) throw refusals.noLogging();
      const values = Object.entries(logSettings);
      return { settings: Object.fromEntries(values.map(([name, value]) => [name, logValueOf(value)])) };
    },
  };
}

function isWish(settings: Wanted): boolean {
  return Object.keys(settings).length > 0;
}

function logValueOf(value: string | number | boolean): LogValue {
  if (typeof value === 'boolean') return { boolParam: value };
  return typeof value === 'number' ? { uint32Param: value } : { stringParam: value };
}

const regionsOf =
  (kind: string): Regions =>
  async ({ name }) => {
    if (name === '') return { regions: {} };
    throw refusals.noRegion(`${kind} `, name);
  };

const refused =
  (refusal: () => RelearnError): Empty =>
  async () => {
    throw refusal();
  };

const noSharedMemory = refused(refusals.noSharedMemory);
/** As on the reference server: what is not there has been taken away. */
const nothingRegistered: Empty = async () => ({});
