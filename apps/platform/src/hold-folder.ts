/** The embedded engines hold the folder themselves; elsewhere what is a process's own needs one of its own. */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  const { lockFolder } = await import('@relearn/sqlite/folder-lock');
  const lock = lockFolder(folder);
  return async () => lock.release();
}
