import type { ChartConfiguration, ChartOptions } from 'chart.js';
import type { TimeUnit } from '../numbers.js';

/** A picture to draw: the configuration is plain chart.js, good for a browser as well. */
export type Chart = {
  /** Width and height in CSS pixels, which are points in a PDF. */
  width: number;
  height: number;
  config: ChartConfiguration<'line', Point[]> | ChartConfiguration<'bar', (number | null)[], string>;
};

/** A point of a line; `y: NaN` interrupts it. */
export type Point = { x: number; y: number };

/** A linear axis of chart.js; what is left out keeps its defaults. */
export type LinearAxis = NonNullable<NonNullable<ChartOptions<'line'>['scales']>[string]> & {
  type?: 'linear';
};

/** The little of a canvas context that plugins use here: this project compiles without the types of browsers. */
export type Pen = {
  fillStyle: string;
  strokeStyle: string;
  lineWidth: number;
  font: string;
  textAlign: string;
  textBaseline: string;
  save(): void;
  restore(): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  setLineDash(lengths: number[]): void;
  stroke(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  measureText(text: string): { width: number };
};

/** Width of every picture: a screen's window, or a landscape page. */
export const CHART_WIDTH = 960;

/** Colours that stay apart for people who see few of them (Okabe and Ito), and greys. */
export const COLORS = {
  text: '#22272e',
  quiet: '#5b6470',
  grid: '#e3e7ec',
  idle: '#eef1f4',
  running: '#0072b2',
  leased: '#a6cde6',
  together: '#3d4652',
  togetherLeased: '#c3c9d1',
  failed: '#d55e00',
} as const;

/** One colour per line, in this order; afterwards the same again, dashed. */
export const LINE_COLORS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#000000',
  '#8c6d1f',
];

/**
 * What all charts share: sizes, colours, title, no movement.
 * @param subtitle how to read the chart
 * @param below room between it and the chart, in pixels
 */
export function commonOptions(title: string, subtitle: string, below = 10) {
  return {
    animation: false,
    responsive: false,
    locale: 'en-US',
    layout: { padding: { top: 14, right: 26, bottom: 10, left: 14 } },
    plugins: {
      title: {
        display: true,
        text: title,
        align: 'start',
        color: COLORS.text,
        font: { size: 17, weight: 'bold' },
        padding: { top: 0, bottom: 4 },
      },
      subtitle: {
        display: subtitle !== '',
        text: subtitle,
        align: 'start',
        color: COLORS.quiet,
        font: { size: 12, weight: 'normal' },
        padding: { top: 0, bottom: below },
      },
      legend: { display: false },
      tooltip: { enabled: false },
    },
  } satisfies ChartOptions;
}

/** A time axis that ends where the data end. @param from, to in `unit` */
export function timeAxis(from: number, to: number, unit: TimeUnit, since: string) {
  return {
    type: 'linear',
    min: from,
    // chart.js makes up an axis of its own for a stretch of no length.
    max: to > from ? to : from + 1,
    title: axisTitle(`time since ${since} (${unit.label})`),
    grid: { color: COLORS.grid },
    border: { color: COLORS.grid },
    ticks: { color: COLORS.quiet, includeBounds: false, maxRotation: 0, maxTicksLimit: 13 },
  } satisfies LinearAxis;
}

/** The label of an axis: what it shows and, in brackets, its unit. */
export function axisTitle(text: string): {
  display: true;
  text: string;
  color: string;
  font: { size: number };
} {
  return { display: true, text, color: COLORS.quiet, font: { size: 12 } };
}
