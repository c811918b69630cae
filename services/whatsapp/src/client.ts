import http from 'node:http';
import twilio from 'twilio';
import type { WhatsappConfig } from './config.ts';

export type TwilioClient = ReturnType<typeof twilio>;

/** The unchanged SDK with connections kept open; only the origin of its requests may be another. It never retries: the log decides. */
export function createTwilioClient({ TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_BASE_URL, TWILIO_TIMEOUT_MS, DELIVERY_CONCURRENCY }: WhatsappConfig): TwilioClient {
  const sockets = DELIVERY_CONCURRENCY * 2;
  const requests = new twilio.RequestClient({ timeout: TWILIO_TIMEOUT_MS, keepAlive: true, maxSockets: sockets, maxTotalSockets: sockets, maxFreeSockets: sockets, autoRetry: false });
  requests.axios.defaults.httpAgent = new http.Agent({ keepAlive: true, maxSockets: sockets });
  if (TWILIO_BASE_URL) redirect(requests, TWILIO_BASE_URL);
  return twilio(TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, { httpClient: requests });
}

function redirect(requests: InstanceType<typeof twilio.RequestClient>, origin: string): void {
  const send = requests.request.bind(requests);
  requests.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    return send({ ...options, uri: new URL(pathname + search, origin).href });
  };
}
