/** A setting by the name of its environment variable, undefined where it is not set. Whoever gives it has looked into `NAME_FILE` too. */
export type Setting = (name: string) => string | undefined;

/** Nothing is set. */
export const unset: Setting = () => undefined;
