export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Of a JSON body. */
  body: Record<string, unknown>;
}

export interface Asked {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Programs that speak HTTP to a pool, with its token. */
export class HttpCaller {
  readonly base: string;
  readonly token: string;

  constructor(base: string, token: string) {
    this.base = base;
    this.token = token;
  }

  /** The answer as it comes. */
  fetch(path: string, { method, body, headers }: Asked = {}, signal?: AbortSignal): Promise<Response> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return fetch(`${this.base}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { authorization: `Bearer ${this.token}`, ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  }

  async ask(path: string, asked: Asked = {}): Promise<Answer> {
    const response = await this.fetch(path, asked);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const body = isJson ? (JSON.parse(text) as Answer['body']) : {};
    return { status: response.status, headers: response.headers, text, body };
  }

  /** Submits a function by its source, and gives the id of the task. */
  async submit(source: string, args: unknown[] = [], options: object = {}): Promise<string> {
    const { status, text, body } = await this.ask('/v1/tasks', { body: { source, args, options } });
    if (status !== 202) throw new Error(`submitting was answered by ${status}: ${text}`);
    return String(body['task_id']);
  }

  /** What a task came to, once it has. */
  result(id: string): Promise<Answer> {
    return this.ask(`/v1/tasks/${id}/result?wait=10000`);
  }
}

export interface Route {
  method: string;
  path: string;
}

/** Every route there is, by the document that the pool itself makes of them; and what it serves besides. */
export async function routesOf(http: HttpCaller): Promise<Route[]> {
  const { body } = await http.ask('/openapi.json');
  const listed = Object.entries(body['paths'] as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replace('{id}', NO_TASK).replace('{worker}', NO_WORKER),
    })),
  );
  return [
    ...listed,
    ...['/', '/page.js', '/charts.js', '/page.css', '/icon.svg'].map((path) => ({ method: 'GET', path })),
  ];
}

/** An id that no task has. */
export const NO_TASK = '0000000000000000';

/** A name that no worker has. */
export const NO_WORKER = 'worker-987654321';
