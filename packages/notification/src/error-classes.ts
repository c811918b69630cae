import type { ErrorClass } from '@rappel/contracts';

/** What follows a failed attempt of each class. */
export interface Reaction {
  /** `retry` within the attempts allowed, `wait` as long as it takes, `settle` by evidence. */
  readonly next: 'give-up' | 'retry' | 'wait' | 'settle';
  /** Whether it counts as an attempt. `first` = only when it is the notification's first, so that it is seen to have been tried. */
  readonly spends: 'yes' | 'no' | 'first';
  /** What it means for everybody else on the channel. */
  readonly channel?: 'pause' | 'throttle';
  /** Remember the address until new consent. */
  readonly suppresses: boolean;
  /** Whether an email may stand in for a WhatsApp message given up for this; a default, see `FALLBACK_CLASSES`. */
  readonly healedByEmail: boolean;
  /** Whether a receipt that says so after the message was taken leaves no doubt that nobody got it: an operator may then have it sent again. */
  readonly neverArrived: boolean;
}

export const reactions: Readonly<Record<ErrorClass, Reaction>> = {
  RECIPIENT: { next: 'give-up', spends: 'yes', suppresses: false, healedByEmail: true, neverArrived: true },
  SUPPRESSED: { next: 'give-up', spends: 'yes', suppresses: true, healedByEmail: true, neverArrived: true },
  CONTENT: { next: 'give-up', spends: 'yes', suppresses: false, healedByEmail: false, neverArrived: true },
  CONFIG: { next: 'wait', spends: 'first', channel: 'pause', suppresses: false, healedByEmail: false, neverArrived: true },
  TRANSIENT: { next: 'retry', spends: 'yes', suppresses: false, healedByEmail: true, neverArrived: false },
  THROTTLE: { next: 'wait', spends: 'no', channel: 'throttle', suppresses: false, healedByEmail: false, neverArrived: true },
  UNKNOWN: { next: 'settle', spends: 'yes', suppresses: false, healedByEmail: false, neverArrived: false },
};

const list = (errorClass: ErrorClass, ...codes: number[]): [string, ErrorClass][] => codes.map((code) => [String(code), errorClass]);

/** Twilio's codes, from the REST answer or from a status callback. */
export const twilioCodes: ReadonlyMap<string, ErrorClass> = new Map([
  ...list('RECIPIENT', 21211, 21612, 21614, 63003, 63024, 63032),
  ...list('SUPPRESSED', 21610, 63014),
  ...list('CONTENT', 21654, 21656, 21658, 63005, 63006, 63013, 63016, 63021, 63027, 63028),
  ...list('CONFIG', 20003, 20404, 21606, 21608, 63002, 63007, 63008, 63015),
  ...list('TRANSIENT', 63012, 63023, 30021),
  ...list('THROTTLE', 20429, 21611, 30001, 63017, 63018, 63038, 60728),
]);

/** Codes that say how long to leave the whole channel alone, in seconds. Others: back off. */
export const longThrottles: ReadonlyMap<string, number> = new Map([['63018', 24 * 3600]]);

/** HTTP statuses without a known code: first match. `listed` false asks operators to add a row. */
const httpStatuses: readonly { readonly from: number; readonly to: number; readonly class: ErrorClass; readonly listed: boolean }[] = [
  { from: 429, to: 429, class: 'THROTTLE', listed: true },
  { from: 401, to: 401, class: 'CONFIG', listed: true },
  { from: 403, to: 403, class: 'CONFIG', listed: true },
  { from: 400, to: 499, class: 'CONTENT', listed: false },
  { from: 500, to: 599, class: 'UNKNOWN', listed: true },
];

export interface Classified {
  readonly class: ErrorClass;
  /** False when no row knew the code: it was classified by its range. */
  readonly listed: boolean;
}

/** Twilio's answer to a request. `written` false = the request never left, so nothing was sent. */
export function classifyTwilio({ code, status, written = true }: { code?: string; status?: number; written?: boolean }): Classified {
  const known = code === undefined ? undefined : twilioCodes.get(code);
  if (known) return { class: known, listed: true };
  if (!written) return { class: 'TRANSIENT', listed: true };
  if (status === undefined) return { class: 'UNKNOWN', listed: true };
  return httpStatuses.find(({ from, to }) => status >= from && status <= to) ?? { class: 'UNKNOWN', listed: false };
}

/** One row of the SMTP table: all that is given must match. `reply` and `enhanced` are prefixes. */
export interface SmtpRow {
  readonly code?: string;
  readonly reply?: string;
  readonly enhanced?: string;
  /** Whether the message itself had been handed over (after DATA). */
  readonly afterData?: boolean;
  readonly class: ErrorClass;
}

/** First match wins. `code` is nodemailer's, `reply` the server's three digits, `enhanced` RFC 3463. */
export const smtpRows: readonly SmtpRow[] = [
  { reply: '421', class: 'THROTTLE' },
  ...['EAUTH', 'ETLS'].map((code): SmtpRow => ({ code, reply: '454', class: 'TRANSIENT' })),
  ...['EAUTH', 'ENOAUTH', 'EOAUTH2', 'ETLS', 'ECONFIG'].map((code): SmtpRow => ({ code, class: 'CONFIG' })),
  { reply: '535', class: 'CONFIG' },
  { reply: '530', class: 'CONFIG' },
  // Refused before a message was spoken of: it concerns everybody.
  { code: 'EPROTOCOL', reply: '5', class: 'CONFIG' },
  { reply: '454', class: 'TRANSIENT' },
  { reply: '4', enhanced: '4.7.', class: 'THROTTLE' },
  { enhanced: '5.2.2', class: 'TRANSIENT' },
  ...['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1', '5.4.4'].map((enhanced): SmtpRow => ({ enhanced, class: 'RECIPIENT' })),
  { enhanced: '5.7.', class: 'CONFIG' },
  { enhanced: '5.6.', class: 'CONTENT' },
  { reply: '553', class: 'RECIPIENT' },
  { reply: '551', class: 'RECIPIENT' },
  { reply: '556', class: 'RECIPIENT' },
  { reply: '550', afterData: false, class: 'RECIPIENT' },
  { reply: '552', afterData: false, class: 'TRANSIENT' },
  ...['450', '451', '452'].map((reply): SmtpRow => ({ reply, class: 'TRANSIENT' })),
  { code: 'EMESSAGE', reply: '5', class: 'CONTENT' },
  { reply: '554', class: 'CONTENT' },
  { reply: '4', class: 'TRANSIENT' },
  { reply: '5', class: 'CONTENT' },
  ...['ECONNECTION', 'EDNS', 'ESOCKET', 'ETIMEDOUT', 'EPROXY'].flatMap((code): SmtpRow[] => [
    { code, afterData: true, class: 'UNKNOWN' },
    { code, afterData: false, class: 'TRANSIENT' },
  ]),
];

const ENHANCED = /^\s*\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/m;

/** What an SMTP failure means. `response` is the server's last line, from which the enhanced code is taken. */
export function classifySmtp({ code, reply, response, afterData }: { code?: string; reply?: number; response?: string; afterData: boolean }): Classified & { enhanced?: string } {
  const enhanced = response?.match(ENHANCED)?.[1];
  const replied = reply === undefined ? '' : String(reply);
  const row = smtpRows.find((candidate) =>
    (candidate.code === undefined || candidate.code === code)
    && (candidate.reply === undefined || replied.startsWith(candidate.reply))
    && (candidate.enhanced === undefined || matchesEnhanced(enhanced, candidate.enhanced))
    && (candidate.afterData === undefined || candidate.afterData === afterData));
  if (row) return { class: row.class, listed: row.code !== undefined || row.enhanced !== undefined || row.reply?.length !== 1, enhanced };
  return { class: afterData ? 'UNKNOWN' : 'TRANSIENT', listed: false, enhanced };
}

const matchesEnhanced = (given: string | undefined, wanted: string): boolean =>
  given !== undefined && (wanted.endsWith('.') ? given.startsWith(wanted) : given === wanted);
