import { readYaml } from './files.js';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

const file = readYaml<{ groups: { rules: Rule[] }[] }>('infra/prometheus/rules.yml');

/** Every alert of Prometheus' rules. */
export const rules: readonly Rule[] = file.groups.flatMap((group) => group.rules);
