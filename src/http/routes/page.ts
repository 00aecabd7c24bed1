import type { FastifyInstance } from '../libraries.js';

const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>offhand</title>
  <h1>offhand</h1>
  <p id="said">…</p>
  <pre id="status"></pre>
  <script src="/login.js"></script>
</html>
`;

/** Exchanges the code of the link, forgets it, and shows how the pool stands. */
const SCRIPT = `(async () => {
  const say = (text) => (document.getElementById('said').textContent = text);
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  // Neither the history nor a bookmark is to keep it.
  history.replaceState(null, '', location.pathname);
  if (code) {
    const body = JSON.stringify({ code });
    const headers = { 'content-type': 'application/json' };
    const answer = await (await fetch('/login', { method: 'POST', headers, body })).json();
    if (!answer.token) return say(answer.detail);
    sessionStorage.setItem('offhand-token', answer.token);
  }
  const token = sessionStorage.getItem('offhand-token');
  const response = await fetch('/status', token ? { headers: { authorization: 'Bearer ' + token } } : {});
  const status = await response.json();
  if (!response.ok) return say('Open the link that offhand server has printed. ' + status.detail);
  say(status.workers.length + ' workers, ' + status.queue.pending + ' calls waiting');
  document.getElementById('status').textContent = JSON.stringify(status, null, 2);
})();
`;

/** What a browser is shown at the root; it holds nothing of the pool, and asks for all it shows. */
export function addPage(app: FastifyInstance): void {
  const schema = { hide: true };
  app.get('/', { schema }, (_, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  app.get('/login.js', { schema }, (_, reply) => reply.type('text/javascript; charset=utf-8').send(SCRIPT));
}
