import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What scripts/make-test-certs.sh has made. */
type Name = 'ca' | 'pool' | 'pool-key' | 'elsewhere' | 'apart' | 'expired' | 'stranger' | 'stranger-key';

/** The file of a certificate or key. */
export function tlsFile(name: Name): string {
  return fileURLToPath(new URL(`../tls/${name}.pem`, import.meta.url));
}

/** What is in it. */
export function pem(name: Name): string {
  return readFileSync(tlsFile(name), 'utf8');
}

/** The flags of a server whose certificate is for localhost and 127.0.0.1. */
export const TLS_FLAGS = ['--tls-cert', tlsFile('pool'), '--tls-key', tlsFile('pool-key')];
