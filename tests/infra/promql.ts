/** A metric that an expression reads, with the labels that it selects by. */
export interface Selected {
  readonly metric: string;
  readonly labels: readonly string[];
}

const words = new Set(
  (
    'by without on ignoring group_left group_right and or unless offset bool inf nan ' +
    'sum min max avg count topk bottomk quantile stddev count_values group ' +
    'rate irate increase delta deriv histogram_quantile label_values label_replace label_join absent ' +
    'clamp_min clamp_max clamp abs ceil floor round vector scalar time sort sort_desc changes resets ' +
    'max_over_time min_over_time avg_over_time sum_over_time count_over_time last_over_time'
  ).split(' '),
);

/** Metrics and labels of a PromQL expression: what is no keyword, function, label list, range or number. */
export function selectedBy(expression: string): { selected: Selected[]; grouping: string[] } {
  const bare = expression.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\[[^\]]*\]/g, '');
  const grouping: string[] = [];
  const flat = bare
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_all, names: string) => {
      grouping.push(...namesIn(names));
      return '';
    })
    .replace(/label_values\(([^,]*),\s*(\w+)\)/g, (_all, metric: string, label: string) => {
      grouping.push(label);
      return metric;
    });
  const selected = [...flat.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?/g)]
    .filter(([, name = '']) => !words.has(name))
    .map(([, metric = '', matchers = '']) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''),
    }));
  return { selected, grouping };
}

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
