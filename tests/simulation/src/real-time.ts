/** What only the real world may be asked: in a simulation a call of one of these is a leak. */
const doors: readonly (readonly [object, string])[] = [
  [Date, 'now'],
  [Math, 'random'],
  [performance, 'now'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [process, 'hrtime'],
];

/** Runs the work with the doors to real time and chance shut: whoever goes through one gets an error that names it. */
export async function withoutRealTime<T>(work: () => Promise<T>): Promise<T> {
  // Faults are errors, thousands a second: nobody reads where they were made, unless the seed is run again with a trace.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const open = doors.map(([owner, name]) => ({ owner, name, before: Reflect.get(owner, name) as unknown }));
  for (const { owner, name } of open) {
    Reflect.set(owner, name, () => {
      throw new Error(`${name} was called: time and chance come through the kernel's ports`);
    });
  }
  try {
    return await work();
  } finally {
    for (const { owner, name, before } of open) Reflect.set(owner, name, before);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
