// What bench/http.ts uses of a package that brings no types.
declare module 'autocannon' {
  interface Load {
    url: string;
    method: 'POST';
    headers: Record<string, string>;
    body: string;
    connections: number;
    /** In s. */
    duration: number;
  }
  interface Measured {
    requests: { average: number };
    /** In ms. */
    latency: { p50: number; p99: number };
    non2xx: number;
    errors: number;
  }
  const autocannon: (load: Load) => Promise<Measured>;
  export = autocannon;
}
