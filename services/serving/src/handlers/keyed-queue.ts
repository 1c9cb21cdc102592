/** Work by name: what is for one name is done one after another, whatever became of the work before. */
export class KeyedQueue {
  private readonly last = new Map<string, Promise<unknown>>();

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const mine = this.settled(name).then(work);
    this.last.set(name, mine);
    return mine;
  }

  /** Resolves when all that was to be done for the name so far has been tried. */
  async settled(name: string): Promise<void> {
    await this.last.get(name)?.catch(() => undefined);
  }
}
