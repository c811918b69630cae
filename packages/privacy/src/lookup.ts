import { createHmac, hkdfSync } from 'node:crypto';
import { parseMasterKeys } from './master-keys.ts';

/** Keyed hashes that find an address without storing it. Drop a person's hashes when they are forgotten. */
export interface Lookup {
  /** The hash to store, under the current master key. */
  of(address: string): string;
  /** The hashes to search for, one per configured master key, so that a rotation loses nothing. */
  all(address: string): string[];
}

const normal = (address: string): string => (address.includes('@') ? address.trim().toLowerCase() : address.replace(/[^\d+]/g, ''));

/** @param masterKey as in `RAPPEL_MASTER_KEY`; the hash key is derived from it and opens nothing. */
export function createLookup(masterKey: string): Lookup {
  const keys = parseMasterKeys(masterKey).all.map(({ secret }) => Buffer.from(hkdfSync('sha256', secret, '', 'rappel:lookup', 32)));
  const hash = (key: Buffer, address: string) => createHmac('sha256', key).update(normal(address)).digest('base64url');
  return {
    of: (address) => hash(keys[0]!, address),
    all: (address) => keys.map((key) => hash(key, address)),
  };
}
