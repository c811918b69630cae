import { z } from 'zod';
import { notFound, sendHtml, sendJson, serveHttp, type Exchange } from '../http.ts';
import { seededRandom } from '../random.ts';
import { createTwilioApi } from './api.ts';
import { behaviourSchema, defaultSettings, magicBehaviour, settingsSchema, type Behaviour, type Settings } from './behaviour.ts';
import { createCallbackSender, type SentCallback } from './callbacks.ts';
import { contentSchema, createContents, type Content } from './contents.ts';
import { createMessageStore, type AcceptedMessage, type Status } from './messages.ts';
import { chatPage } from './page.ts';

export interface TwilioSimulatorOptions {
  /** Default: a free one. */
  port?: number;
  /** Default `AC` and 32 digits; the SDK insists on the prefix. */
  accountSid?: string;
  /** Signs the callbacks too. Default `local-auth-token`. */
  authToken?: string;
  /** Same seed, same random decisions and SIDs. Default 1. */
  seed?: number;
  settings?: Partial<Settings>;
  contents?: Content[];
  /** The time written on messages. Default: the real one. */
  now?: () => Date;
}

export interface TwilioSimulator {
  /** Base URL for the SDK in place of `https://api.twilio.com` and `https://content.twilio.com`; a page with all messages in a browser. */
  readonly url: string;
  readonly accountSid: string;
  readonly authToken: string;
  /** Everything accepted, in order: what borrowers received. Live objects, their status still moves. */
  messages(): readonly AcceptedMessage[];
  callbacks(): readonly SentCallback[];
  /** Requests by outcome: `accepted`, error codes, faults. */
  counts(): Record<string, number>;
  configure(settings: Partial<Settings>): void;
  /** What the next sends to this E.164 number meet, in place of what the number itself stands for. */
  behave(number: string, behaviour: Behaviour): void;
  /** The recipient wrote to us: free text is allowed for 24 h where the window is enforced. */
  openWindow(number: string): void;
  registerContents(contents: Content[]): void;
  /** Sends one status callback now, whatever the message's state: late, doubled or contradictory ones. */
  sendCallback(sid: string, status: Status, errorCode?: number): Promise<SentCallback>;
  /** Forgets messages, behaviours, windows and settings; with the options given at the start again. */
  reset(): void;
  stop(): Promise<void>;
}

const windowMs = 24 * 3600 * 1000;
const statuses = ['accepted', 'queued', 'sent', 'delivered', 'read', 'failed', 'undelivered'] as const;

/** Starts a server that the unchanged Twilio SDK cannot tell from Twilio, and that misbehaves on request. */
export async function startTwilioSimulator(options: TwilioSimulatorOptions = {}): Promise<TwilioSimulator> {
  const { accountSid = `AC${'0'.repeat(32)}`, authToken = 'local-auth-token', seed = 1, now = () => new Date() } = options;
  let random = seededRandom(seed);
  let settings: Settings = { ...defaultSettings, ...options.settings };
  const store = createMessageStore();
  const contents = createContents();
  contents.register(options.contents ?? []);
  const behaviours = createBehaviours(() => settings, () => random());
  const windows = new Map<string, number>();
  const counts = new Map<string, number>();
  const callbacks = createCallbackSender({ accountSid, authToken, settings: () => settings, random: () => random(), now });

  const api = createTwilioApi({
    accountSid, authToken, store, callbacks, contents, now,
    settings: () => settings,
    takeBehaviour: behaviours.take,
    windowIsOpen: (number) => now().getTime() - (windows.get(number) ?? -Infinity) < windowMs,
    newSid: () => `SM${Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, '0')).join('')}`,
    count: (outcome) => { counts.set(outcome, (counts.get(outcome) ?? 0) + 1); },
  });

  const simulator = {
    accountSid, authToken,
    messages: () => store.all(),
    callbacks: () => callbacks.sent(),
    counts: () => Object.fromEntries(counts),
    configure: (changes: Partial<Settings>) => { settings = settingsSchema.parse({ ...settings, ...changes }); },
    behave: behaviours.set,
    openWindow: (number: string) => { windows.set(number, now().getTime()); },
    registerContents: contents.register,
    sendCallback: async (sid: string, status: Status, errorCode?: number) => {
      const message = store.find(sid);
      if (!message?.statusCallback) throw new Error(`no message ${sid} with a status callback`);
      return callbacks.send(message, status, errorCode);
    },
    reset: () => {
      callbacks.clear();
      store.clear();
      behaviours.clear();
      windows.clear();
      counts.clear();
      contents.clear();
      contents.register(options.contents ?? []);
      settings = { ...defaultSettings, ...options.settings };
      random = seededRandom(seed);
    },
  };
  const control = createControl(simulator, () => settings);
  const server = await serveHttp((exchange) => (
    exchange.path === '/' || exchange.path.startsWith('/_sim') ? control(exchange) : api(exchange)
  ), options.port);
  return { ...simulator, url: server.url, stop: async () => { callbacks.close(); await server.close(); } };
}

type Controlled = Omit<TwilioSimulator, 'url' | 'stop'>;

/** The same controls over HTTP, for testers in other processes and other languages. */
function createControl(simulator: Controlled, settings: () => Settings): (exchange: Exchange) => Promise<void> {
  const callbackSchema = z.strictObject({ sid: z.string(), status: z.enum(statuses), errorCode: z.int().optional() });
  const routes: Record<string, (exchange: Exchange, rest: string) => unknown> = {
    'GET messages': ({ query }) => {
      const to = query.get('to');
      return { count: simulator.messages().length, messages: simulator.messages().filter((message) => !to || message.to === to) };
    },
    'GET callbacks': () => ({ callbacks: simulator.callbacks() }),
    'POST callbacks': ({ body }) => {
      const { sid, status, errorCode } = callbackSchema.parse(JSON.parse(body));
      return simulator.sendCallback(sid, status, errorCode);
    },
    'GET counts': () => simulator.counts(),
    'GET settings': settings,
    'PUT settings': ({ body }) => { simulator.configure(JSON.parse(body) as Partial<Settings>); return settings(); },
    'PUT recipients': ({ body }, number) => simulator.behave(number, behaviourSchema.parse(JSON.parse(body))),
    'PUT windows': (_exchange, number) => simulator.openWindow(number),
    'PUT contents': ({ body }) => simulator.registerContents(z.array(contentSchema).parse(JSON.parse(body))),
    'POST reset': simulator.reset,
  };
  return async (exchange) => {
    if (exchange.path === '/') return sendHtml(exchange.response, chatPage(simulator.messages()));
    const [, , resource, rest = ''] = exchange.path.split('/').map(decodeURIComponent);
    const route = routes[`${exchange.method} ${resource}`];
    if (!route) return notFound(exchange.response);
    sendJson(exchange.response, 200, await route(exchange, rest) ?? { ok: true });
  };
}

/** Behaviours set by a tester, else what the number stands for, else the random faults of the settings. */
function createBehaviours(settings: () => Settings, random: () => number): { set(number: string, behaviour: Behaviour): void; take(number: string): Behaviour; clear(): void } {
  const known = new Map<string, { behaviour: Behaviour; left: number }>();
  const set = (number: string, behaviour: Behaviour) => {
    const entry = { behaviour, left: behaviour.times ?? Infinity };
    known.set(number, entry);
    return entry;
  };
  const shares = [['hangAfterAccept', 'hang-after-accept'], ['errorAfterAccept', '500-after-accept'], ['resetAfterAccept', 'reset-after-accept'], ['errorBeforeAccept', '500-before-accept'], ['resetBeforeAccept', 'reset-before-accept']] as const;
  const accident = (): Behaviour => {
    let dice = random();
    const hit = shares.find(([share]) => (dice -= settings()[share]) < 0);
    return hit ? { fault: hit[1] } : {};
  };
  return {
    set,
    clear: () => known.clear(),
    take(number) {
      const magic = magicBehaviour(number);
      const entry = known.get(number) ?? (Object.keys(magic).length > 0 ? set(number, magic) : undefined);
      if (!entry) return accident();
      entry.left -= 1;
      return entry.left >= 0 ? entry.behaviour : {};
    },
  };
}
