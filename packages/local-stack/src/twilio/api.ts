import { setTimeout as delay } from 'node:timers/promises';
import { sendJson, type Exchange, type Handler } from '../http.ts';
import { errorCodes, type Behaviour, type Settings } from './behaviour.ts';
import { toApprovalJson, toContentJson, type Contents } from './contents.ts';
import type { CallbackSender } from './callbacks.ts';
import { toTwilioJson, type AcceptedMessage, type ListFilter, type MessageStore } from './messages.ts';
import { isRefusal, parseSendRequest, type Refusal, type SendRequest } from './request.ts';

export interface ApiDependencies {
  accountSid: string;
  authToken: string;
  store: MessageStore;
  callbacks: CallbackSender;
  contents: Contents;
  settings(): Settings;
  /** The behaviour that this send meets; counts down behaviours that heal. */
  takeBehaviour(to: string): Behaviour;
  windowIsOpen(number: string): boolean;
  newSid(): string;
  now(): Date;
  /** Counts an outcome for the statistics. */
  count(outcome: string): void;
}

/** The part of Twilio's REST API that sends, fetches and lists messages and reads content templates. */
export function createTwilioApi(dependencies: ApiDependencies): Handler {
  const { accountSid, authToken } = dependencies;
  const credentials = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
  const admit = createRateLimit(dependencies);
  const messages = `/2010-04-01/Accounts/${accountSid}/Messages`;

  return async (exchange) => {
    const { settings } = dependencies;
    if (settings().latencyMs > 0) await delay(settings().latencyMs);
    if (exchange.headers.authorization !== credentials) {
      answerRefusal(exchange, dependencies, { code: 20003, status: 401, message: 'Authenticate' });
    } else if (exchange.path === `${messages}.json`) {
      if (exchange.method === 'POST') createMessage(exchange, dependencies, admit);
      else listMessages(exchange, dependencies, `${messages}.json`);
    } else if (exchange.path.startsWith(`${messages}/`)) {
      fetchMessage(exchange, dependencies, exchange.path.slice(messages.length + 1).replace('.json', ''));
    } else if (exchange.path.startsWith('/v1/Content')) {
      readContent(exchange, dependencies);
    } else {
      answerRefusal(exchange, dependencies, notFound(exchange.path));
    }
  };
}

function createMessage(exchange: Exchange, dependencies: ApiDependencies, admit: (sender: string) => boolean): void {
  const wanted = parseSendRequest(exchange.body, dependencies.contents);
  if (isRefusal(wanted)) return answerRefusal(exchange, dependencies, wanted);
  if (!admit(wanted.from)) return answerRefusal(exchange, dependencies, { code: 20429, status: 429, message: 'Too Many Requests' });
  const behaviour = dependencies.takeBehaviour(wanted.to);
  if (behaviour.reject !== undefined) {
    return answerRefusal(exchange, dependencies, { code: behaviour.reject, status: statusOf(behaviour.reject), message: `Error ${behaviour.reject}` });
  }
  if (behaviour.fault?.endsWith('before-accept')) return breakOff(exchange, dependencies, behaviour.fault);
  const message = accept(wanted, behaviour, dependencies);
  if (behaviour.fault) return breakOff(exchange, dependencies, behaviour.fault);
  sendJson(exchange.response, 201, toTwilioJson(message, dependencies.accountSid));
}

function accept(wanted: SendRequest, behaviour: Behaviour, { store, callbacks, newSid, now, settings, windowIsOpen, count }: ApiDependencies): AcceptedMessage {
  const { failsLater, ...fields } = wanted;
  const message = store.add({
    ...fields, sid: newSid(), acceptedAt: now().toISOString(),
    status: fields.messagingServiceSid ? 'accepted' : 'queued', answered: behaviour.fault ?? '201',
  });
  const outside = settings().enforceWindow && !fields.contentSid && !windowIsOpen(fields.to) ? 63016 : undefined;
  callbacks.follow(message, { ...behaviour, fail: behaviour.fail ?? failsLater ?? outside });
  count('accepted');
  return message;
}

function breakOff({ response }: Exchange, { count }: ApiDependencies, fault: string): void {
  count(fault);
  if (fault.startsWith('reset')) response.destroy();
  else if (fault.startsWith('500')) sendJson(response, 500, { code: 20500, message: 'Internal Server Error', more_info: moreInfo(20500), status: 500 });
  // A hang answers nothing: the caller gives up, or the simulator stops.
}

function fetchMessage(exchange: Exchange, dependencies: ApiDependencies, sid: string): void {
  const message = dependencies.store.find(sid);
  if (!message) return answerRefusal(exchange, dependencies, notFound(exchange.path));
  sendJson(exchange.response, 200, toTwilioJson(message, dependencies.accountSid));
}

function listMessages({ query, response }: Exchange, { store, accountSid }: ApiDependencies, path: string): void {
  const pageSize = Math.min(1000, Math.max(1, Number(query.get('PageSize') ?? 50)));
  const page = Number(query.get('Page') ?? 0);
  const found = store.list(listFilter(query, store), pageSize + 1);
  const shown = found.slice(0, pageSize);
  const pageUri = (number: number, token?: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set('PageSize', String(pageSize));
    parameters.set('Page', String(number));
    if (token) parameters.set('PageToken', token);
    else parameters.delete('PageToken');
    return `${path}?${parameters}`;
  };
  sendJson(response, 200, {
    end: page * pageSize + Math.max(0, shown.length - 1), start: page * pageSize, page, page_size: pageSize, uri: `${path}?${query}`,
    first_page_uri: pageUri(0), previous_page_uri: null,
    next_page_uri: found.length > pageSize ? pageUri(page + 1, `PA${shown.at(-1)?.sid}`) : null,
    messages: shown.map((message) => toTwilioJson(message, accountSid)),
  });
}

function listFilter(query: URLSearchParams, store: MessageStore): ListFilter {
  const number = (name: string) => query.get(name)?.replace('whatsapp:', '').replace(/^ /, '+');
  const day = query.get('DateSent');
  const from = query.get('DateSent>') ?? day;
  const until = query.get('DateSent<') ?? day;
  return {
    to: number('To'), from: number('From'),
    sentFrom: from ? Date.parse(from) : undefined,
    sentUntil: until ? endOf(until) : undefined,
    beforeSequence: store.find(query.get('PageToken')?.slice(2) ?? '')?.sequence,
  };
}

// A bound without a time means the whole day.
const endOf = (bound: string): number => Date.parse(bound) + (bound.includes('T') ? 0 : 86_399_999);

function readContent(exchange: Exchange, dependencies: ApiDependencies): void {
  const { contents, accountSid } = dependencies;
  const [sid, part] = exchange.path.split('/').slice(3);
  if (!sid) {
    const listed = contents.all().map((content) => toContentJson(content, accountSid));
    const url = 'https://content.twilio.com/v1/Content?PageSize=50&Page=0';
    return sendJson(exchange.response, 200, { contents: listed, meta: { key: 'contents', page: 0, page_size: 50, url, first_page_url: url, previous_page_url: null, next_page_url: null } });
  }
  const content = contents.find(sid);
  if (!content) return answerRefusal(exchange, dependencies, notFound(exchange.path));
  sendJson(exchange.response, 200, part === 'ApprovalRequests' ? toApprovalJson(content, accountSid) : toContentJson(content, accountSid));
}

function answerRefusal({ response }: Exchange, { count }: ApiDependencies, { code, status, message }: Refusal): void {
  count(String(code));
  sendJson(response, status, { code, message, more_info: moreInfo(code), status });
}

const moreInfo = (code: number): string => `https://www.twilio.com/docs/errors/${code}`;
const notFound = (path: string): Refusal => ({ code: 20404, status: 404, message: `The requested resource ${path} was not found` });

function createRateLimit({ settings, count }: ApiDependencies): (sender: string) => boolean {
  const windows = new Map<string, { second: number; used: number }>();
  return (sender) => {
    const limit = settings().ratePerSecond;
    if (limit === 0) return true;
    // Real time, not the injected clock: the provider does not know that a demo runs fast.
    const second = Math.floor(performance.now() / 1000);
    const window = windows.get(sender);
    if (window?.second !== second) {
      windows.set(sender, { second, used: 1 });
      return true;
    }
    window.used += 1;
    if (window.used > limit) count('throttled');
    return window.used <= limit;
  };
}

const statusOf = (code: number): number => errorCodes[code] ?? 400;
