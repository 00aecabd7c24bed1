'use strict';
// node-canvas as chartjs-node-canvas uses it, on @napi-rs/canvas. That library's own compatibility layer covers images
// and fonts; a PDF page and the buffer of an SVG are what it leaves out.
const { PDFDocument } = require('@napi-rs/canvas');
const nodeCanvas = require('@napi-rs/canvas/node-canvas');

/** node-canvas' `toBuffer` in both forms, `toBuffer(mimeType)` and `toBuffer(callback, mimeType)`. */
function toBufferOf(finish) {
  return (callback) => {
    if (typeof callback !== 'function') return finish();
    let buffer;
    try {
      buffer = finish();
    } catch (error) {
      callback(error);
      return undefined;
    }
    callback(null, buffer);
    return undefined;
  };
}

/** One page of `width` x `height` points that is drawn on like a canvas; its buffer can be taken once. */
function createPdfCanvas(width, height) {
  const document = new PDFDocument({ creator: 'offhand' });
  const context = document.beginPage(width, height);
  // chart.js reaches the canvas through the context, and sets width and height, which a page cannot change.
  const canvas = { width, height, style: {}, getContext: () => context };
  Object.defineProperty(context, 'canvas', { value: canvas, configurable: true });
  canvas.toBuffer = toBufferOf(() => {
    document.endPage();
    return document.close();
  });
  return canvas;
}

function createCanvas(width, height, type) {
  if (type === 'pdf') return createPdfCanvas(width, height);
  const canvas = nodeCanvas.createCanvas(width, height, type);
  if (type === 'svg') canvas.toBuffer = toBufferOf(() => canvas.getContent());
  return canvas;
}

module.exports = { ...nodeCanvas, createCanvas };
