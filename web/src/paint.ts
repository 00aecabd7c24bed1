import type { Attempt } from './documents.js';
import type { Lane } from './lanes.js';
import { Hues, type Range, seenIn, ticks, tickText } from './timeline.js';

/** What is to be drawn, in px and in ms of the server's clock. */
export interface Scene {
  lanes: readonly Lane[];
  range: Range;
  now: number;
  width: number;
  height: number;
  /** Pixels of the screen in one px. */
  ratio: number;
  isDark: boolean;
  /** Outlined. */
  picked: Attempt | undefined;
}

export const AXIS_HEIGHT = 24;
const LABEL_WIDTH = 104;
const GAP = 3;
/** Between two words of the axis, in px. */
const TICK_WIDTH = 110;
/** Narrower blocks have no name in them, in px. */
const NAMED_WIDTH = 44;
/** Lower lanes have no words. */
const WORDS_HEIGHT = 11;
/** Around the words in a block, in px. */
const MARGINS = 9;
const DOTS_WIDTH = 12;
const FONT = '11px system-ui, sans-serif';

const LIGHT = {
  text: '#16202c',
  quiet: '#556171',
  line: '#e3e7ec',
  lane: '#f3f5f7',
  word: '#10161d',
};
const DARK = {
  text: '#e6ebf1',
  quiet: '#9aa7b6',
  line: '#2a323c',
  lane: '#141a20',
  word: '#0b0f13',
};

/** So high that few lanes are read easily, and many are seen at once. */
export function laneHeight(lanes: number): number {
  return Math.max(5, Math.min(36, Math.floor(640 / Math.max(1, lanes))));
}

export function heightFor(lanes: number): number {
  return AXIS_HEIGHT + Math.max(1, lanes) * laneHeight(lanes) + 1;
}

/** Where the blocks begin; narrow screens have no room for names beside them. */
export function leftOf(width: number): number {
  return width < 500 ? 0 : LABEL_WIDTH;
}

/** Of the functions that were drawn. */
export const hues = new Hues();
const colours = new Map<string, number>();

/** As a pixel of an image: red in the lowest byte. */
function colourOf({ name, state }: Attempt, isDark: boolean): number {
  const key = `${isDark ? 'dark' : 'light'} ${state} ${state === 'failed' ? '' : name}`;
  let colour = colours.get(key);
  if (colour === undefined) {
    const isRunning = state === 'running';
    const [saturation, lightness] = isDark ? [isRunning ? 0.3 : 0.55, 0.58] : [0.55, isRunning ? 0.82 : 0.7];
    colour =
      state === 'failed'
        ? pixelOf(2, 0.8, isDark ? 0.76 : 0.72)
        : pixelOf(hues.of(name), saturation, lightness);
    // Names may come without end.
    if (colours.size > 1_000) colours.clear();
    colours.set(key, colour);
  }
  return colour;
}

function pixelOf(hue: number, saturation: number, lightness: number): number {
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    const share =
      lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * share);
  };
  return (0xff000000 | (channel(4) << 16) | (channel(8) << 8) | channel(0)) >>> 0;
}

/** A line of pixels for each lane. */
let lines: ImageData | undefined;
const drawing = document.createElement('canvas');

/**
 * The blocks of all lanes, a line of pixels each, to be stretched to their height: ten thousand of them cost no more than the lines do,
 * where as many rectangles would take the frames of a second.
 *
 * @param told about each block that is drawn, in pixels of the screen.
 */
function drawLines(
  { lanes, range, now, isDark }: Scene,
  width: number,
  told: (row: number, left: number, width: number, attempt: Attempt) => void,
): HTMLCanvasElement {
  const rows = Math.max(1, lanes.length);
  if (lines?.width !== width || lines.height !== rows) {
    lines = new ImageData(width, rows);
    [drawing.width, drawing.height] = [width, rows];
  }
  const pixels = new Uint32Array(lines.data.buffer);
  pixels.fill(0);
  for (const [row, lane] of lanes.entries()) {
    for (const { left, width: wide, attempt } of seenIn(lane, range, width, now)) {
      const from = Math.round(left);
      const to = Math.max(from + 1, Math.round(left + wide));
      // Those beside one another are told apart.
      const end = to - from > 4 ? to - 1 : to;
      const start = row * width;
      pixels.fill(
        colourOf(attempt, isDark),
        start + Math.max(0, from),
        start + Math.min(width, Math.max(0, end)),
      );
      told(row, from, to - from, attempt);
    }
  }
  drawing.getContext('2d')?.putImageData(lines, 0, 0);
  return drawing;
}

/** Draws all of it anew. @returns how many blocks are seen. */
export function paint(context: CanvasRenderingContext2D, scene: Scene): number {
  const { lanes, width, height, isDark, ratio, picked } = scene;
  const palette = isDark ? DARK : LIGHT;
  const left = leftOf(width);
  const high = laneHeight(lanes.length);
  const tall = Math.max(2, high - (high > 8 ? GAP : 1));
  const topOf = (row: number) => AXIS_HEIGHT + row * high;
  const named: { row: number; x: number; wide: number; attempt: Attempt }[] = [];
  let drawn = 0;
  const image = drawLines(
    scene,
    Math.max(1, Math.round((width - left) * ratio)),
    (row, from, span, attempt) => {
      drawn++;
      const [x, wide] = [from / ratio, span / ratio];
      if (attempt === picked || (wide >= NAMED_WIDTH && tall >= WORDS_HEIGHT))
        named.push({ row, x, wide, attempt });
    },
  );
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  context.imageSmoothingEnabled = false;
  context.fillStyle = palette.lane;
  for (const row of lanes.keys()) context.fillRect(left, topOf(row), width - left, tall);
  paintAxis(context, scene, left);
  for (const [row, lane] of lanes.entries()) {
    context.drawImage(image, 0, row, image.width, 1, left, topOf(row), width - left, tall);
    if (left === 0 || high < WORDS_HEIGHT) continue;
    context.fillStyle = palette.quiet;
    context.fillText(lane.name, 0, topOf(row) + tall / 2 + 0.5);
  }
  context.save();
  context.beginPath();
  context.rect(left, 0, width - left, height);
  context.clip();
  for (const { row, x, wide, attempt } of named) {
    if (attempt === picked) {
      context.strokeStyle = palette.text;
      context.lineWidth = 2;
      context.strokeRect(left + x, topOf(row), Math.max(2, wide - 1), tall);
    }
    const room = Math.min(wide, width - left - x, wide + x);
    if (room < NAMED_WIDTH || tall < WORDS_HEIGHT) continue;
    context.fillStyle = palette.word;
    const words = shortened(context, attempt.name || '(no name)', room);
    context.fillText(words, left + Math.max(0, x) + 5, topOf(row) + tall / 2 + 0.5);
  }
  context.restore();
  return drawn;
}

const widths = new Map<string, number>();

/** As much of it as there is room for. */
function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size > 1_000) widths.clear();
    width = context.measureText(text).width;
    widths.set(text, width);
  }
  if (width <= room - MARGINS) return text;
  const share = (room - MARGINS - DOTS_WIDTH) / width;
  return `${text.slice(0, Math.max(1, Math.floor(text.length * share)))}…`;
}

function paintAxis(
  context: CanvasRenderingContext2D,
  { range, width, height, isDark }: Scene,
  left: number,
): void {
  const palette = isDark ? DARK : LIGHT;
  const perMs = (width - left) / (range.to - range.from);
  for (const { at, step } of ticks(range, TICK_WIDTH / perMs)) {
    const x = Math.round(left + (at - range.from) * perMs) + 0.5;
    context.fillStyle = palette.line;
    context.fillRect(x, AXIS_HEIGHT - 6, 1, height - AXIS_HEIGHT + 6);
    context.fillStyle = palette.quiet;
    context.fillText(tickText(at, step), x + 4, AXIS_HEIGHT / 2 - 1);
  }
}

/** What lies at a place of the canvas. @param y in px; `undefined` for what is no lane. */
export function laneAt(lanes: readonly Lane[], y: number): Lane | undefined {
  return y < AXIS_HEIGHT ? undefined : lanes[Math.floor((y - AXIS_HEIGHT) / laneHeight(lanes.length))];
}
