import { readFileSync } from 'node:fs';
import type { FastifyInstance } from '../libraries.js';
import { PAGE } from '../page-folder.js';

/** `web/` as it is built. Each file is named here, so no path of a request is looked up on disk. */
const FILES = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/charts.js', 'charts.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

/** What a browser is shown at the root; it holds nothing of the pool, and asks for all it shows. */
export function addPage(app: FastifyInstance): void {
  for (const [path, file, type] of FILES) {
    const content = readFileSync(new URL(file, PAGE));
    app.get(path, { schema: { hide: true } }, (_, reply) => reply.type(type).send(content));
  }
}
