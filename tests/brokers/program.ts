/** How a server is had without containers. */
export interface Program {
  readonly origin: string;
  /** What the machine lacks to build it, where it is not built, and to run it. */
  missing(): Promise<string | undefined>;
  isBuilt(): boolean;
  /** Once a version; resolves to its folder in the cache. */
  build(): Promise<string>;
  /** How many ports it takes. The first is the one that clients use. */
  readonly ports: number;
  prepare(built: string, folder: string, ports: readonly number[]): Promise<Command>;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}
