import type { Attempt } from './documents.js';
import type { Lane } from './lanes.js';
import { hueOf, type Range, seenIn, ticks, tickText } from './timeline.js';

/** What is to be drawn, in px and in ms of the server's clock. */
export interface Scene {
  lanes: readonly Lane[];
  range: Range;
  now: number;
  width: number;
  height: number;
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
const FONT = '11px system-ui, sans-serif';

const LIGHT = {
  text: '#16202c',
  quiet: '#556171',
  line: '#e3e7ec',
  lane: '#f3f5f7',
  word: '#10161d',
  failed: '#ef8a84',
};
const DARK = {
  text: '#e6ebf1',
  quiet: '#9aa7b6',
  line: '#2a323c',
  lane: '#141a20',
  word: '#0b0f13',
  failed: '#ff8f87',
};

/** So high that few lanes are read easily, and many are seen at once. */
export function laneHeight(lanes: number): number {
  return Math.max(5, Math.min(26, Math.floor(640 / Math.max(1, lanes))));
}

export function heightFor(lanes: number): number {
  return AXIS_HEIGHT + Math.max(1, lanes) * laneHeight(lanes) + 1;
}

/** Where the blocks begin; narrow screens have no room for names beside them. */
export function leftOf(width: number): number {
  return width < 500 ? 0 : LABEL_WIDTH;
}

const fills = new Map<string, string>();

function fillOf({ name, state }: Attempt, isDark: boolean): string {
  if (state === 'failed') return (isDark ? DARK : LIGHT).failed;
  const key = `${isDark ? 'dark' : 'light'} ${state} ${name}`;
  let fill = fills.get(key);
  if (fill === undefined) {
    const light = isDark ? 58 : state === 'running' ? 82 : 70;
    fill = `hsl(${hueOf(name)} ${isDark && state === 'running' ? 30 : 55}% ${light}%)`;
    // Names may come without end.
    if (fills.size > 1_000) fills.clear();
    fills.set(key, fill);
  }
  return fill;
}

/** Draws all of it anew. @returns how many blocks are seen. */
export function paint(context: CanvasRenderingContext2D, scene: Scene): number {
  const { lanes, range, now, width, height, isDark, picked } = scene;
  const colours = isDark ? DARK : LIGHT;
  const left = leftOf(width);
  const high = laneHeight(lanes.length);
  let drawn = 0;
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  const tall = Math.max(2, high - (high > 8 ? GAP : 1));
  const topOf = (row: number) => AXIS_HEIGHT + row * high;
  context.fillStyle = colours.lane;
  for (const row of lanes.keys()) context.fillRect(left, topOf(row), width - left, tall);
  paintAxis(context, scene, left);
  for (const [row, lane] of lanes.entries()) {
    const middle = topOf(row) + tall / 2 + 0.5;
    if (left > 0 && high >= WORDS_HEIGHT) {
      context.fillStyle = colours.quiet;
      context.fillText(lane.name, 0, middle);
    }
    context.save();
    context.beginPath();
    context.rect(left, topOf(row) - 1, width - left, tall + 2);
    context.clip();
    let fill = '';
    for (const { left: from, width: span, attempt } of seenIn(lane, range, width - left, now)) {
      drawn++;
      // On whole pixels: drawn several times as fast, and those beside one another are told apart.
      const x = Math.round(from);
      const wide = Math.max(1, Math.round(from + span) - x);
      const next = fillOf(attempt, isDark);
      if (next !== fill) context.fillStyle = fill = next;
      context.fillRect(left + x, topOf(row), wide > 4 ? wide - 1 : wide, tall);
      if (attempt === picked) {
        context.strokeStyle = colours.text;
        context.lineWidth = 2;
        context.strokeRect(left + x, topOf(row), Math.max(2, wide - 1), tall);
      }
      const room = Math.min(wide, width - left - x, wide + x);
      if (room < NAMED_WIDTH || tall < WORDS_HEIGHT) continue;
      context.fillStyle = fill = colours.word;
      context.fillText(shortened(attempt.name || '(no name)', room), left + Math.max(0, x) + 5, middle);
    }
    context.restore();
  }
  return drawn;
}

/** About as much of it as there is room for; measuring each one would cost more than drawing it. */
function shortened(text: string, room: number): string {
  const most = Math.floor((room - 10) / 6.2);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

function paintAxis(
  context: CanvasRenderingContext2D,
  { range, width, height, isDark }: Scene,
  left: number,
): void {
  const colours = isDark ? DARK : LIGHT;
  const perMs = (width - left) / (range.to - range.from);
  for (const { at, step } of ticks(range, TICK_WIDTH / perMs)) {
    const x = Math.round(left + (at - range.from) * perMs) + 0.5;
    context.fillStyle = colours.line;
    context.fillRect(x, AXIS_HEIGHT - 6, 1, height - AXIS_HEIGHT + 6);
    context.fillStyle = colours.quiet;
    context.fillText(tickText(at, step), x + 4, AXIS_HEIGHT / 2 - 1);
  }
}

/** What lies at a place of the canvas. @param y in px; `undefined` for what is no lane. */
export function laneAt(lanes: readonly Lane[], y: number): Lane | undefined {
  return y < AXIS_HEIGHT ? undefined : lanes[Math.floor((y - AXIS_HEIGHT) / laneHeight(lanes.length))];
}
