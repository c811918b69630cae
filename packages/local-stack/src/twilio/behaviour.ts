import { z } from 'zod';

const share = z.number().min(0).max(1);

/** What one recipient's messages meet. Everything left out is ordinary. */
export const behaviourSchema = z.strictObject({
  /** Twilio error code answered to the request; nothing is accepted. */
  reject: z.int().optional(),
  /** Accepted, then `failed` or `undelivered` with this error code, told by callback. */
  fail: z.int().optional(),
  /** What happens to the connection. `…-after-accept`: the message is accepted and will be delivered, only the answer is lost. */
  fault: z.enum(['hang-after-accept', '500-after-accept', 'reset-after-accept', '500-before-accept', 'reset-before-accept']).optional(),
  /** How many sends misbehave before the recipient is ordinary. Default: all of them. */
  times: z.int().positive().optional(),
  /** How the status callbacks arrive. Default `ordered`: sent, delivered, read. */
  callbacks: z.enum(['ordered', 'none', 'twice', 'reversed', 'late', 'never-read', 'delivered-after-failed']).optional(),
});
export type Behaviour = z.infer<typeof behaviourSchema>;

/** How the simulator treats everybody. */
export const settingsSchema = z.strictObject({
  /** Milliseconds before any answer. Default 0. */
  latencyMs: z.number().min(0),
  /** Messages a second and sender, above it 429 / 20429. Default 0: no limit. */
  ratePerSecond: z.number().min(0),
  /** Free text to somebody who has not written in the last 24 h fails with 63016. Default false. */
  enforceWindow: z.boolean(),
  /** Milliseconds between one status and the next. Default 30. */
  statusDelayMs: z.number().min(0),
  /** Up to this many random milliseconds more for each callback, which reorders them. Default 0. */
  callbackJitterMs: z.number().min(0),
  /** Milliseconds that the recipients with `late` callbacks wait more. Default 3000. */
  lateCallbackMs: z.number().min(0),
  /** Share of callbacks that are never sent, and that are sent twice. Default 0. */
  dropCallbacks: share,
  duplicateCallbacks: share,
  /** Share of messages that are read. Default 1. */
  readShare: share,
  /** Tries to deliver a callback when the connection fails. Default 2. */
  callbackAttempts: z.int().min(1),
  /** Deliver callbacks to this origin while signing the URL that was asked for, as behind a proxy. Default none. */
  callbackOrigin: z.string().optional(),
  /** Share of requests that meet each fault. Default 0. */
  hangAfterAccept: share,
  errorAfterAccept: share,
  resetAfterAccept: share,
  errorBeforeAccept: share,
  resetBeforeAccept: share,
});
export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  latencyMs: 0, ratePerSecond: 0, enforceWindow: false,
  statusDelayMs: 30, callbackJitterMs: 0, lateCallbackMs: 3000, dropCallbacks: 0, duplicateCallbacks: 0, readShare: 1, callbackAttempts: 2,
  hangAfterAccept: 0, errorAfterAccept: 0, resetAfterAccept: 0, errorBeforeAccept: 0, resetBeforeAccept: 0,
};

/** Twilio's error codes that a number can stand for, with the HTTP status of a rejection where it is not 400. */
export const errorCodes: Readonly<Record<number, number>> = {
  20003: 401, 20429: 429, 21211: 400, 21606: 400, 21608: 400, 21610: 400, 21611: 429, 21612: 400, 21614: 400, 21654: 400, 21656: 400, 21658: 400,
  30001: 400, 30021: 400, 30036: 400, 60728: 429, 63002: 400, 63003: 400, 63005: 400, 63006: 400, 63007: 400, 63008: 400, 63012: 400, 63013: 400,
  63014: 400, 63015: 400, 63016: 400, 63017: 429, 63018: 429, 63021: 400, 63023: 400, 63024: 400, 63027: 400, 63028: 400, 63032: 400, 63038: 429,
};

// The last three digits say which code; two codes share theirs with a more frequent one.
const digitsOf = (code: number): string => ({ 20003: '203', 30021: '321' })[code] ?? String(code).slice(-3);
const codeByDigits = new Map(Object.keys(errorCodes).map((code) => [digitsOf(Number(code)), Number(code)]));

const special: Readonly<Record<string, Behaviour>> = {
  4000: { fault: 'hang-after-accept', times: 1 },
  4001: { fault: '500-after-accept', times: 1 },
  4002: { fault: 'reset-after-accept', times: 1 },
  4003: { fault: '500-before-accept', times: 1 },
  4004: { fault: 'reset-before-accept', times: 1 },
  5000: { callbacks: 'none' },
  5001: { callbacks: 'twice' },
  5002: { callbacks: 'reversed' },
  5003: { callbacks: 'late' },
  5004: { callbacks: 'never-read' },
  5005: { callbacks: 'delivered-after-failed', fail: 63024 },
};

/**
 * The behaviour that a number in +33 6 39 98 XX XX stands for (a range that the French regulator keeps for fiction, so
 * nobody is ever called): `1ccc` rejects, `2ccc` fails later, `3ccc` rejects twice and heals, `4…` and `5…` as listed above.
 */
export function magicBehaviour(number: string): Behaviour {
  const [, digits] = /^\+3363998(\d{4})$/.exec(number) ?? [];
  if (!digits) return {};
  const code = codeByDigits.get(digits.slice(1));
  const kinds: Record<string, Behaviour | undefined> = code ? { 1: { reject: code }, 2: { fail: code }, 3: { reject: code, times: 2 } } : {};
  return kinds[digits.charAt(0)] ?? special[digits] ?? {};
}

/** The number that makes the simulator answer with `code`: `reject` at once, `fail` by callback, `heal` after two rejections. */
export function magicNumber(kind: 'reject' | 'fail' | 'heal', code: number): string {
  if (!(code in errorCodes)) throw new Error(`the simulator has no number for ${code}`);
  return `+3363998${{ reject: 1, fail: 2, heal: 3 }[kind]}${digitsOf(code)}`;
}
