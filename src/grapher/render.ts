// The part that draws. It is bundled with chart.js, chartjs-node-canvas and packages/canvas into dist/grapher/render.js,
// because the installed package has none of them; only @napi-rs/canvas stays outside, as an optional peer.
import { fileURLToPath } from 'node:url';
import type { ChartConfiguration } from 'chart.js';
import { ChartJSNodeCanvas } from 'chartjs-node-canvas';
import type { Chart, Pen } from './charts/chart.js';

/** What a picture can be written as. */
export type Format = 'pdf' | 'png' | 'svg';

const FONT_FAMILY = 'DejaVu Sans';
/** A PNG is meant for screens, many of which have two pixels for each one of CSS. */
const PNG_PIXEL_RATIO = 2;

let areFontsRegistered = false;

/**
 * Draws a chart: PDF and SVG as vectors with text that can be selected, PNG at two pixels per unit.
 * @throws Error with code `MODULE_NOT_FOUND` when @napi-rs/canvas is not installed
 */
export async function render(chart: Chart, format: Format): Promise<Buffer> {
  const type = format === 'png' ? {} : { type: format };
  const canvas = new ChartJSNodeCanvas({
    width: chart.width,
    height: chart.height,
    ...type,
    chartCallback: (chartJs) => {
      chartJs.defaults.font.family = FONT_FAMILY;
    },
  });
  if (!areFontsRegistered) {
    // Without a font of our own a bare machine draws no text at all, and says nothing.
    for (const file of ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf']) {
      canvas.registerFont(fileURLToPath(new URL(`./fonts/${file}`, import.meta.url)), {
        family: FONT_FAMILY,
      });
    }
    areFontsRegistered = true;
  }
  const config = chart.config as ChartConfiguration;
  const bytes = await canvas.renderToBuffer({
    ...config,
    options: { ...config.options, devicePixelRatio: format === 'png' ? PNG_PIXEL_RATIO : 1 },
    plugins: [...(config.plugins ?? []), ground],
  });
  return format === 'svg' ? forBrowsers(bytes, chart) : bytes;
}

/** Lets an SVG be shown at any size, and on machines without the font: Verdana's letters are as wide. */
function forBrowsers(svg: Buffer, { width, height }: Chart): Buffer {
  const text = svg.toString('utf8');
  return Buffer.from(
    text
      .replace('<svg ', `<svg viewBox="0 0 ${width} ${height}" `)
      .replaceAll(`font-family="${FONT_FAMILY}"`, `font-family="${FONT_FAMILY}, Verdana, sans-serif"`),
  );
}

const ground = {
  id: 'offhand-ground',
  beforeDraw({
    ctx,
    width,
    height,
  }: {
    ctx: Pen & { letterSpacing: string };
    width: number;
    height: number;
  }): void {
    // Any spacing at all keeps "fi" two letters: as one, it is not found by who searches a PDF for "profile".
    ctx.letterSpacing = '0.01px';
    ctx.save();
    ctx.fillStyle = '#ffffff';
    ctx.fillRect(0, 0, width, height);
    ctx.restore();
  },
};
