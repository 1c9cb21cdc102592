/**
 * URL of the compiled module beside the calling one: for what Node itself must load. Called from a TypeScript source
 * (`/src/a/b.ts`) it names the module of `/dist/a/`, since worker threads load compiled code only.
 */
export function distModule(importMetaUrl: string, relative: string): string {
  const url = new URL(relative, importMetaUrl);
  if (!importMetaUrl.endsWith('.ts')) return url.href;
  const cut = url.pathname.lastIndexOf('/src/');
  url.pathname = `${url.pathname.slice(0, cut)}/dist/${url.pathname.slice(cut + '/src/'.length)}`;
  return url.href;
}
