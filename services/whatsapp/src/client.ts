import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import type { Socket } from 'node:net';
import BaseTwilio from 'twilio/lib/base/BaseTwilio.js';
import Domain from 'twilio/lib/base/Domain.js';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import Version from 'twilio/lib/base/Version.js';
import { MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js';
import Content from 'twilio/lib/rest/Content.js';
import type { WhatsappConfig } from './config.ts';

/** The two resources of Twilio's API that are used here, as the SDK makes them. */
export interface TwilioClient {
  readonly messages: MessageListInstance;
  readonly content: Content;
}

/**
 * The SDK's own client, resources and errors with connections kept open; only the origin of its requests may be another. It never
 * retries: the log decides. Taken piece by piece, since the SDK as a whole is 8 MB of source that every process would hold.
 */
export function createTwilioClient({ TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_BASE_URL, TWILIO_TIMEOUT_MS, DELIVERY_CONCURRENCY }: WhatsappConfig): TwilioClient {
  const sockets = DELIVERY_CONCURRENCY * 2;
  const requests = new RequestClient({ timeout: TWILIO_TIMEOUT_MS, keepAlive: true, maxSockets: sockets, maxTotalSockets: sockets, maxFreeSockets: sockets, autoRetry: false });
  requests.axios.defaults.httpAgent = guard(new http.Agent({ keepAlive: true, maxSockets: sockets }));
  // Behind a proxy the SDK makes an agent of another kind.
  const { httpsAgent } = requests.axios.defaults as { httpsAgent?: http.Agent };
  if (httpsAgent instanceof http.Agent) guard(httpsAgent);
  if (TWILIO_BASE_URL) redirect(requests, TWILIO_BASE_URL);
  const client = new BaseTwilio.Client(TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN[0], { httpClient: requests });
  // As the SDK's `rest/ApiBase` and `rest/api/V2010` do.
  const v2010 = new Version.default(new Domain.default(client as never, 'https://api.twilio.com'), '2010-04-01');
  return { messages: MessageListInstance(v2010 as never, client.accountSid), content: new Content(client as never) };
}

const leases = new AsyncLocalStorage<string>();

/** No request made by `work` leaves from `end` on (real time, UTC ISO): it fails with the code `ELEASE` instead. */
export const withinLease = <T>(end: string, work: () => Promise<T>): Promise<T> => leases.run(end, work);

/**
 * Looks at the clock once more where a request meets its connection: the process may have been frozen since the last look. What
 * stays open are the microseconds until the kernel has the bytes and, on a new TLS connection, the handshake.
 */
function guard<A extends http.Agent>(agent: A): A {
  const isOver = (end: string | undefined): boolean => end !== undefined && Date.now() >= Date.parse(end);
  const create = agent.createConnection.bind(agent) as (...call: unknown[]) => Socket;
  const reuse = agent.reuseSocket.bind(agent);
  return Object.assign(agent, {
    createConnection: (...call: unknown[]) => {
      const [socket, end] = [create(...call), leases.getStore()];
      socket.once('connect', () => { if (isOver(end)) socket.destroy(new LeaseOver()); });
      return socket;
    },
    reuseSocket: (socket: Socket, request: http.ClientRequest) => {
      reuse(socket, request);
      const end = leases.getStore();
      // What was written so far goes to the socket in the next tick, right after this.
      process.nextTick(() => { if (isOver(end)) request.destroy(new LeaseOver()); });
    },
  });
}

class LeaseOver extends Error {
  override readonly name = 'LeaseOver';
  readonly code = 'ELEASE';
  constructor() { super('held up until the lease was over: nothing was sent'); }
}

function redirect(requests: RequestClient, origin: string): void {
  const send = requests.request.bind(requests);
  requests.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    return send({ ...options, uri: new URL(pathname + search, origin).href });
  };
}
