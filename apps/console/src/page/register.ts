import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { RelearnError } from '@relearn/kernel';
import type { ConsoleDeps } from '../deps.js';
import { emptyPage, errorPage, type PageFrame, partNames, type PartName, partsOf, pipelinePage } from './document.js';
import { pageData } from './page-data.js';

/** Nothing comes from elsewhere; inline styles are the page's own and the chart's. */
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

const require = createRequire(import.meta.url);

/** What the page loads besides itself: its script and uPlot's module, as they are on disk. */
function assets(): Readonly<Record<string, string>> {
  return {
    '/assets/console.js': readFileSync(new URL('../../assets/console.js', import.meta.url), 'utf8'),
    '/assets/chart.js': readFileSync(new URL('../../assets/chart.js', import.meta.url), 'utf8'),
    '/assets/uplot.js': readFileSync(require.resolve('uplot/dist/uPlot.esm.js'), 'utf8'),
  };
}

function styles(): string {
  const own = readFileSync(new URL('../../assets/console.css', import.meta.url), 'utf8');
  return readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8') + own;
}

/** Adds the page: `/`, or `/?pipeline=NAME`; with `&parts=now,turns` only these sections of it. */
export function registerConsolePage(app: FastifyInstance, deps: ConsoleDeps): void {
  const frame: PageFrame = { css: styles(), version: deps.version };
  for (const [path, body] of Object.entries(assets())) {
    app.get(path, (_request, reply) =>
      reply.header('content-type', 'text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(body),
    );
  }
  app.get<{ Querystring: { pipeline?: string; parts?: string } }>('/', async (request, reply) => {
    const { pipeline, parts } = request.query;
    const name = pipeline ?? deps.view.list()[0]?.name;
    if (name === undefined) return sendPage(reply, 200, emptyPage(deps.view.plain(), frame));
    try {
      const data = await pageData(deps.view, name, deps.ports.kernel.clock.wall());
      return sendPage(reply, 200, parts === undefined ? pipelinePage(data, frame) : partsOf(data, partsIn(parts)));
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.http >= 500) deps.ports.telemetry.log.error({ err: thrown }, 'console: the page cannot be made');
      return sendPage(reply, error.http, errorPage(error.message, frame));
    }
  });
}

function partsIn(text: string): readonly PartName[] {
  const wanted = new Set(text.split(','));
  return partNames.filter((name) => wanted.has(name));
}

function sendPage(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', policy)
    .header('cache-control', 'no-store')
    .send(body);
}
