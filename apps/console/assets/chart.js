// The quality chart: uPlot over the figures that the page carries.
import uPlot from '/assets/uplot.js';

const day = 86_400;
const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    serving: of('serving'),
    frozen: of('frozen'),
    reference: of('reference'),
    rule: of('rule'),
    soft: of('soft'),
    wire: of('wire'),
  };
};
const dates = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const figure = (value) =>
  value === null || value === undefined ? '–' : Math.abs(value) >= 10 ? value.toPrecision(4) : value.toFixed(3);

let chart = null;
let watcher = null;

/** Draws the chart in its box, in place of the drawing that the server made. */
export function drawQuality() {
  const box = document.getElementById('quality-chart');
  const source = document.getElementById('quality-data');
  chart?.destroy();
  watcher?.disconnect();
  chart = null;
  if (box === null || source === null) return;
  const data = JSON.parse(source.textContent);
  const columns = [
    data.times.map((ms) => ms / 1000),
    data.value,
    data.frozen,
    data.reference,
    data.frozenMean,
    data.mean,
  ];
  box.replaceChildren();
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  chart = new uPlot(optionsFor(box, data, tip), columns, box);
  chart.over.append(tip);
  watcher = new ResizeObserver(() => chart?.setSize(sizeOf(box)));
  watcher.observe(box);
}

function sizeOf(box) {
  const padding = Number.parseFloat(getComputedStyle(box).paddingRight);
  return { width: Math.max(200, box.clientWidth - padding), height: 300 };
}

function optionsFor(box, data, tip) {
  const { serving, frozen, reference, rule, soft, wire } = colours();
  const dots = (stroke) => ({
    stroke,
    paths: () => null,
    points: { show: true, size: 3.5, width: 0, fill: `${stroke}55` },
  });
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: soft, font, grid: { stroke: rule, width: 1 }, ticks: { show: false } };
  return {
    ...sizeOf(box),
    padding: [18, 0, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: true, range: () => [data.span.from / 1000, data.span.to / 1000] },
      y: { range: (_chart, low, high) => rangeOf(data, low, high) },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 80,
        grid: { show: false },
        values: (plot, splits) =>
          splits.map((split) => (plot.valToPos(split, 'x') > plot.over.clientWidth - 24 ? '' : tickOf(split))),
      },
      { ...axis, size: 52, space: 44, values: (_chart, splits) => splits.map(figure) },
    ],
    series: [
      {},
      dots(serving),
      dots(frozen),
      { stroke: reference, width: 1.5, dash: [2, 4], points: { show: false } },
      { stroke: frozen, width: 1.5, points: { show: false } },
      { stroke: serving, width: 2.25, points: { show: false } },
    ],
    hooks: {
      drawAxes: [(plot) => drawTakeovers(plot, data.takeovers, wire, soft, font)],
      setCursor: [(plot) => showTip(plot, data, tip)],
    },
  };
}

/** Keeps single wild windows from flattening the lines. */
function rangeOf(data, low, high) {
  const lines = [...data.mean, ...data.frozenMean, ...data.reference].filter((value) => value !== null);
  if (lines.length === 0) return [low ?? 0, high ?? 1];
  const [least, most] = [Math.min(...lines), Math.max(...lines)];
  const pad = (most - least || Math.abs(most) * 0.1 || 0.1) * 0.45;
  return [Math.max(least - pad, low ?? least - pad), Math.min(most + pad, high ?? most + pad)];
}

function tickOf(seconds) {
  const date = new Date(seconds * 1000);
  const month = date.toLocaleString('en-GB', { month: 'short', timeZone: 'UTC' });
  if (seconds % day !== 0)
    return `${String(date.getUTCHours()).padStart(2, '0')}:${String(date.getUTCMinutes()).padStart(2, '0')}`;
  if (date.getUTCDate() !== 1) return `${date.getUTCDate()} ${month}`;
  return date.getUTCMonth() === 0 ? String(date.getUTCFullYear()) : month;
}

function drawTakeovers(plot, takeovers, line, text, font) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = font.replace('12px', `${12 * ratio}px`);
  ctx.textAlign = 'left';
  let free = Number.NEGATIVE_INFINITY;
  for (const { time, model } of takeovers) {
    const x = plot.valToPos(time / 1000, 'x', true);
    if (x < bbox.left - 1 || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = line;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 14 * ratio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const label = `model ${model}`;
    const wide = ctx.measureText(label).width + 4 * ratio;
    const left = x + wide > bbox.left + bbox.width ? x - wide : x + 4 * ratio;
    if (left < free) continue;
    ctx.fillStyle = text;
    ctx.fillText(label, left, bbox.top - 5 * ratio);
    free = left + wide + 4 * ratio;
  }
  ctx.restore();
}

function showTip(plot, data, tip) {
  const { idx, left } = plot.cursor;
  tip.hidden = idx === null || idx === undefined || left < 0;
  if (tip.hidden) return;
  const line = (name, value) => {
    const row = document.createElement('div');
    const strong = document.createElement('b');
    strong.textContent = figure(value);
    row.append(`${name} `, strong);
    return row;
  };
  const title = document.createElement('div');
  title.textContent = dates.format(data.times[idx]);
  tip.replaceChildren(
    title,
    line('serving', data.mean[idx]),
    line('frozen', data.frozenMean[idx]),
    line('at hold-out', data.reference[idx]),
    line('this window', data.value[idx]),
  );
  const wide = tip.offsetWidth;
  tip.style.left = `${left + 14 + wide > plot.over.clientWidth ? left - wide - 14 : left + 14}px`;
  tip.style.top = '12px';
}
