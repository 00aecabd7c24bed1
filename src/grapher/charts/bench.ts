import type { ChartDataset, LegendItem, Plugin } from 'chart.js';
import type { BenchCell } from '../bench.js';
import { formatCount, formatNumber } from '../numbers.js';
import { axisTitle, CHART_WIDTH, type Chart, COLORS, commonOptions, type Pen } from './chart.js';

/** One function: a row of groups of bars, and what perfect scaling would give for each group. */
type Panel = { label: string; bars: ChartDataset<'bar', (number | null)[]>[]; ideals: number[] };

const PANEL_PX = 250;
const AROUND_PX = 170;
/** Room above a panel for its heading. */
const HEADING_PX = 34;
/** Share of its room that a group of bars fills. */
const GROUP = 0.82;
/** From few clients to many: light to dark. */
const SHADES = ['#b5d6eb', '#6fb0d8', '#0072b2', '#003f66'];

/**
 * Throughput by clients and workers: a panel per function, a group of bars per number of workers, a bar per number of
 * clients. The dashed lines are what perfect scaling would give: the cell of one client and one worker, times the
 * workers.
 * @param name what the title calls the file
 */
export function benchChart(name: string, cells: readonly BenchCell[]): Chart {
  const functions = distinct(cells.map((cell) => cell.function));
  const workers = distinct(cells.map((cell) => cell.workers)).sort((a, b) => a - b);
  const clients = distinct(cells.map((cell) => cell.clients)).sort((a, b) => a - b);
  const panels = functions.map((label, index) => panelOf(label, `y${index}`, cells, clients, workers));
  const title = titleOf(name, functions, clients, workers);
  const options = commonOptions(title, subtitleOf(cells), HEADING_PX);
  const labels = {
    usePointStyle: true,
    boxHeight: 10,
    padding: 14,
    generateLabels: () => legendOf(panels[0]),
  };
  return {
    width: CHART_WIDTH,
    height: AROUND_PX + Math.max(1, panels.length) * PANEL_PX,
    config: {
      type: 'bar',
      data: {
        labels: workers.map((count) => formatCount(count, 'worker')),
        datasets: panels.flatMap(({ bars }) => bars),
      },
      plugins: [annotationsOf(panels)],
      options: {
        ...options,
        datasets: { bar: { categoryPercentage: GROUP, barPercentage: 0.92 } },
        plugins: {
          ...options.plugins,
          legend: { display: panels.length > 0, position: 'bottom', align: 'start', labels },
        },
        scales: {
          x: {
            grid: { display: false },
            border: { color: COLORS.grid },
            ticks: { color: COLORS.text, font: { size: 13 } },
          },
          ...panelAxes(panels),
        },
      },
    },
  };
}

function panelOf(
  label: string,
  yAxisID: string,
  cells: readonly BenchCell[],
  clients: readonly number[],
  workers: readonly number[],
): Panel {
  const ofFunction = cells.filter((cell) => cell.function === label);
  const measured = (ofClients: number, ofWorkers: number): number | null =>
    ofFunction.find((cell) => cell.clients === ofClients && cell.workers === ofWorkers)?.throughputPerS ??
    null;
  const bars = clients.map((count, index) => ({
    label: formatCount(count, 'client'),
    data: workers.map((ofWorkers) => measured(count, ofWorkers)),
    backgroundColor:
      SHADES[Math.round((index * (SHADES.length - 1)) / Math.max(1, clients.length - 1))] ?? COLORS.text,
    yAxisID,
    // Bars of the same stack in different panels stand in line.
    stack: `${count}`,
  }));
  const base = measured(1, 1);
  return {
    label,
    bars,
    ideals: base === null || workers.length < 2 ? [] : workers.map((count) => base * count),
  };
}

/** Axes of one stack are laid out from the bottom, by weight; an empty one between two makes room for a heading. */
function panelAxes(panels: readonly Panel[]) {
  const shared = { type: 'linear', position: 'left', stack: 'panels', border: { display: false } } as const;
  const gap = {
    ...shared,
    stackWeight: HEADING_PX / PANEL_PX,
    ticks: { display: false },
    grid: { display: false },
  };
  const axis = {
    ...shared,
    stackWeight: 1,
    min: 0,
    title: axisTitle('throughput (tasks/s)'),
    grid: { color: COLORS.grid },
    ticks: { color: COLORS.quiet, maxTicksLimit: 7 },
  };
  const entries = panels.flatMap(({ bars, ideals }, index): [string, object][] => {
    const weight = 2 * (panels.length - index);
    const top = Math.max(0, ...ideals, ...bars.flatMap(({ data }) => data.map((value) => value ?? 0)));
    const own: [string, object] = [`y${index}`, { ...axis, weight, suggestedMax: top * 1.06 }];
    return index === 0 ? [own] : [own, [`gap${index}`, { ...gap, weight: weight + 1 }]];
  });
  return Object.fromEntries(entries);
}

function legendOf(panel: Panel | undefined): LegendItem[] {
  if (!panel) return [];
  const items = panel.bars.map(({ label = '', backgroundColor }): LegendItem => {
    const fillStyle = typeof backgroundColor === 'string' ? backgroundColor : COLORS.text;
    return { text: label, fontColor: COLORS.text, pointStyle: 'rect', fillStyle, lineWidth: 0 };
  });
  const dashed = { pointStyle: 'line', strokeStyle: COLORS.failed, lineWidth: 2, lineDash: [4, 3] } as const;
  if (panel.ideals.length > 0) {
    items.push({ text: 'perfect scaling by workers', fontColor: COLORS.text, ...dashed, lineDash: [4, 3] });
  }
  return items;
}

/**
 * What chart.js has no dataset for: per panel its heading, the dashed lines (a line dataset starts in the middle of the
 * first group, and one with an axis of its own takes half of the bars' room) and the figures above the bars.
 */
function annotationsOf(panels: readonly Panel[]): Plugin<'bar'> {
  return {
    id: 'offhand-bench',
    afterDatasetsDraw(chart) {
      const { scales, chartArea } = chart;
      const pen = chart.ctx as Pen;
      const family = chart.options.font?.family ?? 'sans-serif';
      const groupPx = (chartArea.width / (chart.data.labels?.length ?? 1)) * (GROUP + 0.06);
      pen.save();
      pen.textBaseline = 'bottom';
      panels.forEach(({ label, bars, ideals }, index) => {
        const y = scales[`y${index}`];
        if (!y) return;
        pen.fillStyle = COLORS.text;
        pen.font = `bold 13px "${family}"`;
        pen.textAlign = 'left';
        pen.fillText(label, chartArea.left, y.top - 9);
        ideals.forEach((ideal, group) => {
          const middle = scales.x?.getPixelForValue(group) ?? 0;
          dash(pen, middle - groupPx / 2, middle + groupPx / 2, y.getPixelForValue(ideal));
        });
        pen.font = `10px "${family}"`;
        pen.textAlign = 'center';
        bars.forEach(({ data }, bar) => {
          const elements = chart.getDatasetMeta(index * bars.length + bar).data;
          data.forEach((value, group) => figure(pen, elements[group], value));
        });
      });
      pen.restore();
    },
  };
}

function dash(pen: Pen, from: number, to: number, y: number): void {
  pen.strokeStyle = COLORS.failed;
  pen.lineWidth = 1.8;
  pen.setLineDash([5, 3]);
  pen.beginPath();
  pen.moveTo(from, y);
  pen.lineTo(to, y);
  pen.stroke();
  // Dashes that stay on would turn the letters drawn next into outlines.
  pen.setLineDash([]);
}

/** Only where the bar is about wide enough for it; its white ground keeps it readable across a dashed line. */
function figure(
  pen: Pen,
  bar: { x: number; y: number; width?: number } | undefined,
  value: number | null,
): void {
  if (!bar || value === null) return;
  const text = formatNumber(value, value < 100 ? 1 : 0);
  const { width } = pen.measureText(text);
  if (width > (bar.width ?? 0) + 6) return;
  pen.fillStyle = '#ffffffd9';
  pen.fillRect(bar.x - width / 2 - 1, bar.y - 14, width + 2, 12);
  pen.fillStyle = COLORS.text;
  pen.fillText(text, bar.x, bar.y - 2);
}

function titleOf(name: string, functions: string[], clients: number[], workers: number[]): string {
  if (functions.length === 0) return `${name}: no measurements`;
  const sizes = `${rangeOf(clients, 'client')} x ${rangeOf(workers, 'worker')}`;
  return `${name}: ${functions.join(' and ')}, ${sizes}`;
}

function rangeOf(sorted: readonly number[], one: string): string {
  const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
  return first === last ? formatCount(first, one) : `${first}-${last} ${one}s`;
}

function subtitleOf(cells: readonly BenchCell[]): string {
  if (cells.length === 0) return 'The file holds a header and no rows.';
  const failed = cells.reduce((sum, cell) => sum + cell.failed, 0);
  const failures = failed > 0 ? ` ${formatCount(failed, 'task')} failed.` : '';
  return `Tasks completed per second; dashed: the cell of 1 client and 1 worker, times the workers.${failures}`;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
