import { useEffect, useRef, useState } from 'preact/hooks';
import type { Attempt } from './documents.js';
import type { Lane } from './lanes.js';
import { heightFor, laneAt, hues, leftOf, paint } from './paint.js';
import { blockAt, firstAfter, panned, zoomed } from './timeline.js';
import { FIRST_SPAN_MS, Watch } from './watch.js';
import { count, duration } from './words.js';

const watch = new Watch();

/** A block is found from so far away, in px. */
const NEAR = 3;
/** How often what goes with the time is moved where nothing else has changed, in ms. */
const MOVE_MS = 50;
const PAN_SHARE = 0.15;
const ZOOM_FACTOR = 0.7;

interface Picked {
  lane: Lane;
  attempt: Attempt;
}

/** Submitted tasks have a page; what clients call their direct ones has a dot. */
const hasPage = ({ task_id }: Attempt) => /^[0-9A-Za-z]{16,64}$/.test(task_id);

function openPage({ task_id }: Attempt): void {
  location.hash = `#/tasks/${task_id}`;
}

function zoom(factor: number, around?: number): void {
  if (!watch.range && around === undefined) {
    // What happens now stays in sight.
    watch.spanMs = Math.max(10, watch.spanMs * factor);
  } else {
    const { seen } = watch;
    watch.range = zoomed(seen, factor, around ?? (seen.from + seen.to) / 2);
  }
  watch.isOld = true;
}

function pan(share: number): void {
  watch.range = panned(watch.seen, share);
  watch.isOld = true;
}

/** Everything that is kept. */
function showAll(): void {
  const { now } = watch;
  const from = watch.lanes.oldest ?? now - FIRST_SPAN_MS;
  watch.range = { from, to: Math.max(now, from + 1) };
  watch.isOld = true;
}

function goLive(): void {
  const { from, to } = watch.seen;
  watch.spanMs = Math.min(Math.max(to - from, 1_000), 600_000);
  watch.range = undefined;
  watch.isOld = true;
}

/** What each slot ran, and when. */
export function Stream() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const picked = useRef<Picked | undefined>(undefined);
  const [shown, setShown] = useState<Picked>();
  const [isLive, setLive] = useState(!watch.range);
  const [known, setKnown] = useState(counts);
  const pick = (next: Picked | undefined) => {
    if (picked.current?.attempt === next?.attempt) return;
    picked.current = next;
    watch.isOld = true;
    setShown(next);
  };
  useEffect(() => {
    watch.begin();
    const place = canvas.current as HTMLCanvasElement;
    const stop = keepDrawn(place, () => {
      setLive(!watch.range);
      const next = counts();
      setKnown((was) => (JSON.stringify(was) === JSON.stringify(next) ? was : next));
      return picked.current?.attempt;
    });
    const release = takeMouse(place, pick);
    return () => {
      stop();
      release();
    };
  }, []);
  const onKey = (event: KeyboardEvent) => {
    const act = keys(picked.current, pick)[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  return (
    <section class="stream">
      <div class="bar">
        <h2>Task stream</h2>
        <div class="scale">
          <button aria-label="Zoom out" onClick={() => zoom(1 / ZOOM_FACTOR)}>
            −
          </button>
          <button aria-label="Zoom in" onClick={() => zoom(ZOOM_FACTOR)}>
            +
          </button>
          <button onClick={showAll}>All</button>
          <button aria-pressed={isLive} onClick={() => (isLive ? pan(0) : goLive())}>
            Live
          </button>
        </div>
      </div>
      {known.lanes === 0 && (
        <p class="empty">
          Nothing has run since this page was opened. Whatever the pool runs is drawn here, each slot in a
          lane of its own: submitted tasks, and what <code>pool.run</code> calls.
        </p>
      )}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="timeline"
        aria-label="Task stream. Left and right move in time, plus and minus zoom, up and down choose a slot, comma and full stop a task, Enter opens it, Home shows all, End what happens now."
        onKeyDown={onKey}
      />
      <p class="told" role="status">
        {shown ? <Told {...shown} /> : 'Point at a block, or choose one with the arrow keys.'}
      </p>
      {known.names > 0 && <Legend />}
      {known.skipped > 0 && (
        <p class="quiet">
          {count(known.skipped, 'very short task')} not drawn: of those only so many a second are told.
        </p>
      )}
    </section>
  );
}

/** What the page around the lanes depends on. */
function counts(): { lanes: number; skipped: number; names: number } {
  return { lanes: watch.lanes.lanes.length, skipped: watch.lanes.skipped, names: hues.names.length };
}

const LEGEND_NAMES = 15;

/** Which function has which colour. */
function Legend() {
  const { names } = hues;
  return (
    <ul class="legend" aria-label="Colours">
      {names.slice(0, LEGEND_NAMES).map((name) => {
        const hue = Math.round(hues.of(name));
        return (
          <li key={name} style={{ '--swatch': `light-dark(hsl(${hue} 55% 70%), hsl(${hue} 55% 58%))` }}>
            {name || '(no name)'}
          </li>
        );
      })}
      {names.length > LEGEND_NAMES && <li>and {names.length - LEGEND_NAMES} more</li>}
      <li class="failed">failed</li>
    </ul>
  );
}

function Told({ lane, attempt }: Picked) {
  const name = attempt.name || 'a function without a name';
  const { state, run_ms } = attempt;
  return (
    <>
      {hasPage(attempt) ? <a href={`#/tasks/${attempt.task_id}`}>{name}</a> : <b>{name}</b>}{' '}
      <span class={`mark ${state === 'completed' ? 'succeeded' : state}`}>{state}</span> on {lane.name}
      {run_ms !== undefined && <>, {duration(run_ms)}</>}, began{' '}
      {new Date(attempt.started_ms).toLocaleTimeString('en-GB')}
      {!hasPage(attempt) && ' (called directly: not kept by the pool)'}
    </>
  );
}

/** Draws whenever something has changed, at most once a frame. @returns stops. */
function keepDrawn(canvas: HTMLCanvasElement, before: () => Attempt | undefined): () => void {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let frame = 0;
  let size = '';
  let drawnAt = 0;
  const draw = () => {
    frame = requestAnimationFrame(draw);
    const { lanes } = watch.lanes;
    const [width, height] = [canvas.clientWidth, heightFor(lanes.length)];
    const ratio = devicePixelRatio;
    const wanted = [width, height, ratio, dark.matches].join();
    // What goes with the time moves all the while.
    const isMoving = !watch.range && performance.now() - drawnAt >= MOVE_MS;
    if (!watch.isOld && !isMoving && wanted === size) return;
    watch.isOld = false;
    drawnAt = performance.now();
    if (wanted !== size) {
      size = wanted;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const seen = { lanes, range: watch.seen, now: watch.now };
    const scene = { ...seen, width, height, ratio, isDark: dark.matches };
    canvas.dataset['blocks'] = String(paint(context, { ...scene, picked: before() }));
  };
  draw();
  return () => cancelAnimationFrame(frame);
}

/** The wheel zooms, and pans to the side; dragging pans; a click opens. @returns lets go of it. */
function takeMouse(canvas: HTMLCanvasElement, pick: (picked: Picked | undefined) => void): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const timeAt = (x: number) => {
    const left = leftOf(canvas.clientWidth);
    const { from, to } = watch.seen;
    return from + ((x - left) / (canvas.clientWidth - left)) * (to - from);
  };
  const under = ({ offsetX, offsetY }: MouseEvent): Picked | undefined => {
    const lane = laneAt(watch.lanes.lanes, offsetY);
    const at = timeAt(offsetX);
    const attempt = lane && blockAt(lane, at, timeAt(offsetX + NEAR) - at, watch.now);
    return attempt && { lane, attempt };
  };
  let dragged: { x: number; share: number } | undefined;
  const on = <K extends keyof HTMLElementEventMap>(type: K, act: (event: HTMLElementEventMap[K]) => void) =>
    canvas.addEventListener(type, act, { signal, passive: false });
  on('wheel', (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / canvas.clientWidth);
    else zoom(Math.exp(event.deltaY / 400), timeAt(event.offsetX));
  });
  on('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    dragged = { x: event.clientX, share: 0 };
  });
  on('pointermove', (event) => {
    if (!dragged) return pick(under(event));
    const share = (dragged.x - event.clientX) / (canvas.clientWidth - leftOf(canvas.clientWidth));
    // A hand is never quite still when it clicks.
    if (dragged.share === 0 && Math.abs(dragged.x - event.clientX) <= NEAR) return;
    dragged = { x: event.clientX, share: dragged.share + Math.abs(share) };
    pan(share);
  });
  on('pointerup', (event) => {
    const isClick = dragged?.share === 0;
    dragged = undefined;
    if (!isClick) return;
    const found = under(event);
    pick(found);
    if (found && hasPage(found.attempt)) openPage(found.attempt);
  });
  on('pointercancel', () => (dragged = undefined));
  return () => ending.abort();
}

function keys(picked: Picked | undefined, pick: (picked: Picked) => void): Record<string, () => void> {
  const { lanes } = watch.lanes;
  const row = picked ? lanes.indexOf(picked.lane) : -1;
  const inLane = (lane: Lane | undefined, attempt: Attempt | undefined) => {
    if (!lane || !attempt) return;
    pick({ lane, attempt });
    const { from, to } = watch.seen;
    if (attempt.started_ms < from || attempt.started_ms > to)
      watch.range = panned(watch.seen, (attempt.started_ms - (from + to) / 2) / (to - from));
  };
  const toLane = (lane: Lane | undefined) => {
    if (!lane) return;
    const { from, to } = watch.seen;
    const at = picked?.attempt.started_ms ?? (from + to) / 2;
    inLane(lane, lane.blocks[firstAfter(lane.blocks, at)] ?? lane.running ?? lane.blocks.at(-1));
  };
  const step = (by: number) => {
    if (!picked) return toLane(lanes[0]);
    const at = picked.lane.blocks.indexOf(picked.attempt);
    inLane(picked.lane, at < 0 ? picked.lane.blocks.at(-1) : picked.lane.blocks[at + by]);
  };
  return {
    ArrowLeft: () => pan(-PAN_SHARE),
    ArrowRight: () => pan(PAN_SHARE),
    '+': () => zoom(ZOOM_FACTOR),
    '=': () => zoom(ZOOM_FACTOR),
    '-': () => zoom(1 / ZOOM_FACTOR),
    Home: showAll,
    End: goLive,
    ArrowUp: () => toLane(lanes[Math.max(0, row - 1)]),
    ArrowDown: () => toLane(lanes[Math.min(lanes.length - 1, row + 1)]),
    ',': () => step(-1),
    '.': () => step(1),
    Enter: () => {
      if (picked && hasPage(picked.attempt)) openPage(picked.attempt);
    },
  };
}
