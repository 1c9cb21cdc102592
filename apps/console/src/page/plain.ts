import type { PlainModelView } from '../read-model/shapes.js';
import { iso, time } from './format.js';
import { html, type Markup } from './markup.js';

/** Models that no pipeline owns; nothing where there is none. */
export function plainSection({ plain }: { readonly plain: readonly PlainModelView[] }): Markup {
  if (plain.length === 0) return html`<section id="plain" data-part="plain" hidden></section>`;
  return html`<section id="plain" data-part="plain" aria-labelledby="plain-title">
    <h2 id="plain-title">Models without a pipeline <small>registered by hand</small></h2>
    <div class="scroll"><table class="models">
      <thead><tr><th scope="col">Name</th><th scope="col">Serves</th><th scope="col" class="number">Versions</th>
        <th scope="col">Newest</th><th scope="col">Bundle</th></tr></thead>
      <tbody>${plain.map(row)}</tbody>
    </table></div>
  </section>`;
}

function row({ name, champion, pinned, versions }: PlainModelView): Markup {
  const [newest] = versions;
  const serves =
    champion === null
      ? html`<span class="chip">by version only</span>`
      : html`<span class="chip serves">version ${champion}${pinned ? ', pinned' : ''}</span>`;
  const since =
    newest === undefined
      ? '–'
      : html`<time datetime="${iso(newest.registered.business)}">${time(newest.registered.business)}</time>`;
  const bundle = newest?.bundle ?? '';
  return html`<tr><th scope="row">${name}</th><td>${serves}</td><td class="number">${versions.length}</td>
    <td>${since}</td><td><code title="${bundle}">${bundle.slice(0, 10)}</code></td></tr>`;
}
