import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './docker.mjs';

const prometheus = 'http://127.0.0.1:9090/api/v1';

async function get(path) {
  const answer = await fetch(`${prometheus}${path}`);
  return (await answer.json()).data;
}

/** Whether Prometheus reaches everybody whom it should, and evaluates every alert. */
export async function lookAtTargets() {
  const { activeTargets } = await get('/targets?state=active');
  const down = activeTargets.filter(({ health }) => health !== 'up').map(({ labels }) => labels.job);
  const { groups } = await get('/rules?type=alert');
  const rules = groups.flatMap((group) => group.rules);
  const ill = rules.filter(({ health }) => health !== 'ok').map(({ name }) => name);
  const firing = rules.filter(({ state }) => state === 'firing').map(({ name }) => name);
  return [
    { what: `Prometheus reaches all ${activeTargets.length} targets ${down.join(' ')}`, holds: down.length === 0 },
    { what: `Prometheus evaluates all ${rules.length} alerts ${ill.join(' ')}`, holds: ill.length === 0 },
    { what: `alerts that fire now: ${firing.join(' ') || 'none'}`, holds: true },
  ];
}

/** Asks what each panel asks, and says which see nothing: those of errors should. */
export async function lookAtDashboards() {
  const folder = join(root, 'infra/grafana/dashboards');
  const found = [];
  for (const name of readdirSync(folder)) {
    const { title, panels } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const empty = [];
    const wrong = [];
    for (const panel of panels) {
      const answers = await Promise.all(panel.targets.map(({ expr }) => ask(expr)));
      if (answers.includes(null)) wrong.push(panel.title);
      else if (answers.every((count) => count === 0)) empty.push(panel.title);
    }
    found.push({
      what: `dashboard '${title}': every expression is accepted ${wrong.join('; ')}`,
      holds: wrong.length === 0,
    });
    found.push({
      what: `dashboard '${title}': panels without data: ${empty.join('; ') || 'none'}`,
      holds: empty.length < panels.length,
    });
  }
  return found;
}

/** How many series answer; null where Prometheus refuses the question. */
async function ask(expression) {
  const query = expression.replace(/\$\w+/g, '.*');
  const answer = await fetch(`${prometheus}/query?query=${encodeURIComponent(query)}`);
  const { status, data } = await answer.json();
  return status === 'success' ? data.result.length : null;
}
