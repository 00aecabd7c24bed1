/** Where a NATS cluster is, and how one says who one is there. */
export interface ClusterAddress {
  /** Each as `host:port`; any of them leads to all. */
  readonly servers: readonly string[];
  readonly isEncrypted: boolean;
  readonly login: ClusterLogin | undefined;
  /** Files, by their paths: of credentials as `nsc` writes them, and for TLS. */
  readonly files: ClusterFiles;
}

export type ClusterLogin = { readonly user: string; readonly password: string } | { readonly token: string };

export interface ClusterFiles {
  readonly creds?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}
