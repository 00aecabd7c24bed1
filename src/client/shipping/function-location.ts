import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Debugger, Runtime, Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';
import { type Locator, placeIn, sourceMapLocator } from './source-map.js';

interface Script {
  url: string;
  sourceMapUrl: string;
  source: string;
}

const NOWHERE: Locator = () => undefined;

const known = new WeakMap<object, Locator>();

/**
 * Where a function is written, by the word of V8's inspector; source maps are honoured. That takes some ms, once for each
 * function. Sessions of a debugger are not disturbed: this one is its own, sees no code run, and is over when it returns.
 */
export function locate(fn: object, text: string): Locator {
  let locator = known.get(fn);
  if (!locator) {
    locator = findLocator(fn, text);
    known.set(fn, locator);
  }
  return locator;
}

function findLocator(fn: object, text: string): Locator {
  try {
    const found = askInspector(fn);
    return found ? locatorIn(found.script, found.location, text) : NOWHERE;
  } catch {
    return NOWHERE; // Without an inspector, or the file of a map: then stacks name the worker's places.
  }
}

function askInspector(fn: object): { script: Script; location: Debugger.Location } | undefined {
  // Not every Node has an inspector, and hardly any program comes here.
  const inspector = createRequire(import.meta.url)('node:inspector') as { Session: new () => Session };
  const session = new inspector.Session();
  session.connect();
  try {
    const scripts = new Map<string, Debugger.ScriptParsedEventDataType>();
    session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params));
    const location = locationOf(session, fn);
    if (!location) return undefined;
    session.post('Debugger.enable'); // Tells of all scripts, at once.
    const script = scripts.get(location.scriptId);
    let source = '';
    session.post('Debugger.getScriptSource', { scriptId: location.scriptId }, (_error, answer) => {
      source = answer.scriptSource;
    });
    session.post('Debugger.disable');
    if (!script?.url) return undefined;
    return { script: { url: script.url, sourceMapUrl: script.sourceMapURL ?? '', source }, location };
  } finally {
    session.disconnect();
  }
}

const KEY = Symbol.for('offhand.located');

/** The inspector knows values by expressions: this one finds the function, in whichever context this module lives. */
function locationOf(session: Session, fn: object): Debugger.Location | undefined {
  const contexts: number[] = [];
  session.on('Runtime.executionContextCreated', ({ params }) => contexts.push(params.context.id));
  session.post('Runtime.enable');
  session.post('Runtime.disable');
  const holder = globalThis as { [KEY]?: object };
  holder[KEY] = fn;
  try {
    for (const contextId of contexts) {
      const location = locationIn(session, contextId);
      if (location) return location;
    }
    return undefined;
  } finally {
    delete holder[KEY];
  }
}

function locationIn(session: Session, contextId: number): Debugger.Location | undefined {
  let objectId: string | undefined;
  const expression = "globalThis[Symbol.for('offhand.located')]";
  session.post('Runtime.evaluate', { expression, contextId }, (_error, answer) => {
    objectId = (answer as Runtime.EvaluateReturnType | undefined)?.result.objectId;
  });
  if (objectId === undefined) return undefined;
  let location: unknown;
  session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_error, answer) => {
    const found = answer.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]');
    location = found?.value?.value;
  });
  return location as Debugger.Location | undefined;
}

/** The function's text stands in its script around the place that V8 names, which is somewhere in its head. */
function locatorIn(script: Script, location: Debugger.Location, text: string): Locator {
  const lines = new Lines(script.source);
  const at = lines.offsetOf(location.lineNumber, location.columnNumber ?? 0);
  const start = script.source.lastIndexOf(text, at);
  if (start < 0 || start + text.length <= at) return NOWHERE;
  const inText = new Lines(text);
  const original = sourceMapOf(script);
  return (line, column) => {
    const place = lines.placeOf(start + inText.offsetOf(line - 1, column - 1));
    const [atLine, atColumn] = [place.line + 1, place.column + 1];
    return original?.(atLine, atColumn) ?? placeIn(script.url, atLine, atColumn);
  };
}

function sourceMapOf({ url, sourceMapUrl }: Script): Locator | undefined {
  if (!sourceMapUrl) return undefined;
  const own = url.startsWith('/') ? pathToFileURL(url).href : url;
  const data = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(sourceMapUrl);
  if (data) {
    const text = data[1]
      ? Buffer.from(data[2] ?? '', 'base64').toString()
      : decodeURIComponent(data[2] ?? '');
    return sourceMapLocator(text, own);
  }
  const file = new URL(sourceMapUrl, own);
  if (file.protocol !== 'file:') return undefined;
  return sourceMapLocator(readFileSync(file, 'utf8'), file.href);
}

/** Offsets in a text to lines and columns, both from 0, and back. */
class Lines {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1))
      this.#starts.push(end + 1);
  }

  offsetOf(line: number, column: number): number {
    return (this.#starts[line] ?? 0) + column;
  }

  placeOf(offset: number): { line: number; column: number } {
    const line = this.#starts.findLastIndex((start) => start <= offset);
    return { line, column: offset - (this.#starts[line] ?? 0) };
  }
}
