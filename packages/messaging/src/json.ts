import type { Issue } from './port.ts';

const DEEPEST = 64;
const LONGEST = 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string; readonly issues?: readonly Issue[] };

/** Parses JSON bytes from a stranger: at most 1 MiB, 64 levels deep, valid UTF-8, no `__proto__` keys. Never throws. */
export function parseJson(bytes: Uint8Array): Parsed {
  if (bytes.length > LONGEST) return { ok: false, reason: `payload of ${bytes.length} bytes is longer than ${LONGEST}` };
  if (bytes.length === 0) return { ok: false, reason: 'payload is empty' };
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    return { ok: false, reason: error instanceof SyntaxError ? 'payload is not JSON' : 'payload is not UTF-8' };
  }
  const reason = unsafe(value, 0);
  return reason ? { ok: false, reason } : { ok: true, value };
}

function unsafe(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= DEEPEST) return `payload is nested deeper than ${DEEPEST} levels`;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) return 'payload has a __proto__ key';
  for (const key in value) {
    const reason = unsafe((value as Record<string, unknown>)[key], depth + 1);
    if (reason) return reason;
  }
  return undefined;
}
