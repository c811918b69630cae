import { z } from 'zod';

/** What a recipient's local part stands for; at most one of these acts. */
export interface Failure {
  /** Where it strikes. `rcpt` and `reply` answer `code`; `cut-rcpt` and `cut-data` close the connection without an answer. */
  at: 'rcpt' | 'reply' | 'cut-rcpt' | 'cut-data' | 'slow-rcpt' | 'slow-data';
  code?: number;
  text?: string;
  /** Times it strikes before the recipient is ordinary; absent: always. */
  times?: number;
  milliseconds?: number;
}

type Reader = (match: RegExpExecArray) => Failure;

const optionalTimes = (text: string | undefined): { times?: number } => (text ? { times: Number(text) } : {});
const reply = (code: string | undefined, enhanced: string | undefined): { code: number; text: string } => ({
  code: Number(code), text: `${enhanced ?? (code === '421' ? '4.7.0' : `${code?.charAt(0)}.1.1`)} refused as asked by the address`,
});

const patterns: readonly (readonly [RegExp, Reader])[] = [
  [/^bounce-(\d{3})(?:-(\d\.\d+\.\d+))?$/, ([, code, enhanced]) => ({ at: 'rcpt', ...reply(code, enhanced) })],
  [/^tempfail-(\d{3})(?:-(\d+))?$/, ([, code, times]) => ({ at: 'rcpt', ...reply(code, undefined), ...optionalTimes(times ?? '1') })],
  [/^refuse-(\d{3})(?:-(\d\.\d+\.\d+))?$/, ([, code, enhanced]) => ({ at: 'reply', ...reply(code, enhanced) })],
  [/^drop-before-data(?:-(\d+))?$/, ([, times]) => ({ at: 'cut-rcpt', ...optionalTimes(times ?? '1') })],
  [/^drop-after-data(?:-(\d+))?$/, ([, times]) => ({ at: 'cut-data', ...optionalTimes(times ?? '1') })],
  [/^slow-rcpt-(\d+)$/, ([, wait]) => ({ at: 'slow-rcpt', milliseconds: Number(wait) })],
  [/^slow-(\d+)$/, ([, wait]) => ({ at: 'slow-data', milliseconds: Number(wait) })],
];

/** Reads the failure out of an address; a `+tag` or `.name` after the pattern keeps many such addresses apart. */
function failureOf(address: string): Failure | undefined {
  const [localPart = ''] = address.split('@');
  const [plain = ''] = localPart.toLowerCase().split('+');
  for (const [pattern, read] of patterns) {
    const match = pattern.exec(plain);
    if (match) return read(match);
  }
  return undefined;
}

/** Counts how often each address failed, so that it heals. */
export function createFailures(): { strike(address: string, ...at: Failure['at'][]): Failure | undefined; clear(): void } {
  const struck = new Map<string, number>();
  return {
    strike(address, ...at) {
      const failure = failureOf(address);
      if (!failure || !at.includes(failure.at)) return undefined;
      const before = struck.get(address) ?? 0;
      if (failure.times !== undefined && before >= failure.times) return undefined;
      struck.set(address, before + 1);
      return failure;
    },
    clear: () => struck.clear(),
  };
}

/** How the server treats everybody; what a whole provider's bad day looks like. */
export const inboxSettingsSchema = z.strictObject({
  /** 535 to every login. Default false. */
  refuseLogins: z.boolean(),
  /** Answer new connections with this code (421: too busy) instead of a greeting. Default none. */
  refuseConnections: z.int().min(400).max(599).nullable(),
  /** Milliseconds before the reply to each message. Default 0. */
  latencyMs: z.number().min(0),
  /** Share of messages that are kept while the connection is cut instead of answered. Default 0. */
  dropAfterData: z.number().min(0).max(1),
  /** Share of messages that are answered `451 4.3.0` and not kept. Default 0. */
  tempfail: z.number().min(0).max(1),
});
export type InboxSettings = z.infer<typeof inboxSettingsSchema>;
export const defaultInboxSettings: InboxSettings = { refuseLogins: false, refuseConnections: null, latencyMs: 0, dropAfterData: 0, tempfail: 0 };
