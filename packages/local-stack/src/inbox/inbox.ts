import { notFound, sendHtml, sendJson, serveHttp, type Exchange } from '../http.ts';
import { freePort } from '../port.ts';
import { seededRandom } from '../random.ts';
import { createFailures, defaultInboxSettings, inboxSettingsSchema, type InboxSettings } from './failures.ts';
import { createMailStore, type MailStore, type ReceivedMail } from './mails.ts';
import { listPage, mailPage } from './pages.ts';
import { listenSmtp, type InboxTls } from './smtp.ts';

export interface InboxOptions {
  /** Default: free ones. */
  smtpPort?: number;
  webPort?: number;
  /** Logins other than this are answered 535. Default: anybody, with or without a login. */
  user?: string;
  password?: string;
  /** Default: none. */
  tls?: InboxTls;
  /** Newest mails kept whole; of older ones only the headers stay. Default 5000. */
  keepBodies?: number;
  /** For the shares of random failures. Default 1. */
  seed?: number;
  settings?: Partial<InboxSettings>;
  /** The time written on mails. Default: the real one. */
  now?: () => Date;
}

export interface Inbox {
  readonly smtpHost: string;
  readonly smtpPort: number;
  /** `smtp://127.0.0.1:<port>`, without the login. */
  readonly smtpUrl: string;
  /** The page that shows the mails. */
  readonly url: string;
  /** Everything kept, in order of arrival: what borrowers received. */
  mails(filter?: { to?: string }): Promise<ReceivedMail[]>;
  count(): number;
  configure(settings: Partial<InboxSettings>): void;
  /** Forgets mails, healed addresses and settings; with the options given at the start again. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts an SMTP server that keeps every mail and shows it on a page; addresses like `bounce-550@…` make it fail. */
export async function startInbox(options: InboxOptions = {}): Promise<Inbox> {
  const store = createMailStore(options.keepBodies ?? 5000);
  const failures = createFailures();
  let random = seededRandom(options.seed ?? 1);
  let settings: InboxSettings = { ...defaultInboxSettings, ...options.settings };
  const smtpPort = options.smtpPort ?? await freePort();
  const { user, password = '' } = options;
  const stopSmtp = await listenSmtp({
    port: smtpPort, login: user === undefined ? undefined : { user, password }, tls: options.tls, store, failures,
    settings: () => settings, random: () => random(), now: options.now ?? (() => new Date()),
  });
  const inbox = {
    smtpHost: '127.0.0.1', smtpPort, smtpUrl: `smtp://127.0.0.1:${smtpPort}`,
    mails: store.list,
    count: store.count,
    configure: (changes: Partial<InboxSettings>) => { settings = inboxSettingsSchema.parse({ ...settings, ...changes }); },
    reset: () => {
      store.clear();
      failures.clear();
      settings = { ...defaultInboxSettings, ...options.settings };
      random = seededRandom(options.seed ?? 1);
    },
  };
  const web = await serveHttp((exchange) => answerWeb(exchange, inbox, store, () => settings), options.webPort);
  return {
    ...inbox, url: web.url,
    stop: async () => { await web.close(); await stopSmtp(); },
  };
}

async function answerWeb({ method, path, query, body, response }: Exchange, inbox: Pick<Inbox, 'mails' | 'configure' | 'reset'>, store: MailStore, settings: () => InboxSettings): Promise<void> {
  const [, first = '', second] = path.split('/');
  const id = Number(second);
  const routes: Record<string, () => unknown> = {
    'GET api': async () => sendJson(response, 200, { mails: await inbox.mails({ to: query.get('to') ?? undefined }) }),
    'DELETE api': () => { inbox.reset(); sendJson(response, 200, { ok: true }); },
    'PUT settings': () => { inbox.configure(JSON.parse(body) as Partial<InboxSettings>); sendJson(response, 200, settings()); },
    'GET ': async () => sendHtml(response, listPage(await inbox.mails())),
    'GET mail': async () => {
      const [parsed, summary] = [await store.open(id), (await inbox.mails())[id - 1]];
      if (parsed && summary) sendHtml(response, mailPage(summary, parsed));
      else notFound(response);
    },
    'GET html': async () => sendHtml(response, String((await store.open(id))?.html || '')),
    'GET raw': () => {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(store.raw(id));
    },
  };
  const route = routes[`${method} ${first}`];
  if (route) await route();
  else notFound(response);
}
