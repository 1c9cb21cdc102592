/**
 * URL of a compiled module beside the calling one, for what node itself must load (worker threads).
 * When the caller runs from its TypeScript source (`.../src/x.ts`) the module of `.../dist` is meant.
 */
export function builtModule(relative: string, base: string): URL {
  const url = new URL(relative, base);
  if (!base.endsWith('.ts')) return url;
  const cut = url.pathname.lastIndexOf('/src/');
  url.pathname = `${url.pathname.slice(0, cut)}/dist/${url.pathname.slice(cut + '/src/'.length)}`;
  return url;
}
