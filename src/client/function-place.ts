import { findSourceMap } from 'node:module';
import { Session } from 'node:inspector';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Location {
  scriptId: string;
  lineNumber: number;
  columnNumber: number;
}

const KEY = Symbol.for('offhand.placed');

/**
 * Where a function is written, `src/app.ts:12`; undefined where nobody knows (code of `eval`, another realm). It asks V8's
 * inspector, which takes some ms: for errors only. Sessions of a debugger do not notice.
 */
export function placeOf(fn: object): string | undefined {
  const session = new Session();
  const holder = globalThis as { [KEY]?: object };
  try {
    session.connect();
    holder[KEY] = fn;
    const location = locationOf(session);
    return location && inWords(session, location);
  } catch {
    return undefined; // An inspector that cannot be had costs the place, and not the message around it.
  } finally {
    delete holder[KEY];
    session.disconnect();
  }
}

function locationOf(session: Session): Location | undefined {
  let location: Location | undefined;
  const expression = "globalThis[Symbol.for('offhand.placed')]";
  session.post('Runtime.evaluate', { expression }, (_error, evaluated) => {
    const { objectId } = evaluated?.result ?? {};
    if (objectId === undefined) return;
    session.post(
      'Runtime.getProperties',
      { objectId, ownProperties: true },
      (_failed, { internalProperties }) => {
        const found = internalProperties?.find(({ name }) => name === '[[FunctionLocation]]');
        location = found?.value?.value as Location | undefined;
      },
    );
  });
  return location;
}

function inWords(session: Session, { scriptId, lineNumber, columnNumber }: Location): string | undefined {
  let url = '';
  session.on('Debugger.scriptParsed', ({ params }) => {
    if (params.scriptId === scriptId) url = params.url;
  });
  session.post('Debugger.enable'); // Tells of all scripts, at once.
  session.post('Debugger.disable');
  if (!url) return undefined;
  const original = findSourceMap(url)?.findEntry(lineNumber, columnNumber);
  if (original && 'originalSource' in original && original.originalSource)
    return `${pathOf(original.originalSource)}:${original.originalLine + 1}`;
  return `${pathOf(url)}:${lineNumber + 1}`;
}

function pathOf(url: string): string {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
