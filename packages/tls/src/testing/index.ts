import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** PEM files. */
export interface Certificate { readonly cert: string; readonly key: string }

export interface IssueOptions {
  /** Host names. Default `localhost`. */
  readonly names?: readonly string[];
  /** IP addresses. Default `127.0.0.1`. */
  readonly addresses?: readonly string[];
  /** Default: in a year. */
  readonly until?: Date;
}

export interface Authority {
  /** The authority's own certificate, a PEM file. */
  readonly ca: string;
  /** Signs one, good for servers and clients, into `<file>.pem` and `<file>.key`. */
  issue(file: string, options?: IssueOptions): Promise<Certificate>;
}

const DAY_MS = 86_400_000;
const common = { keyType: 'ec', algorithm: 'sha256' } as const;

/** A certificate authority made for this test, with its files in `folder`. */
export async function createAuthority(folder: string): Promise<Authority> {
  mkdirSync(folder, { recursive: true });
  const own = await generate([{ name: 'commonName', value: 'Test authority' }], {
    ...common, extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }],
  });
  const write = (file: string, pem: string): string => {
    writeFileSync(join(folder, file), pem, { mode: 0o600 });
    return join(folder, file);
  };
  return {
    ca: write('ca.pem', own.cert),
    issue: async (file, { names = ['localhost'], addresses = ['127.0.0.1'], until } = {}) => {
      const { cert, private: key } = await generate([{ name: 'commonName', value: file }], {
        ...common, ca: { key: own.private, cert: own.cert },
        ...(until && { notBeforeDate: new Date(until.getTime() - 30 * DAY_MS), notAfterDate: until }),
        extensions: [
          { name: 'basicConstraints', cA: false }, { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          { name: 'subjectAltName', altNames: [...names.map((value) => ({ type: 2 as const, value })), ...addresses.map((ip) => ({ type: 7 as const, ip }))] },
        ],
      });
      return { cert: write(`${file}.pem`, cert), key: write(`${file}.key`, key) };
    },
  };
}
