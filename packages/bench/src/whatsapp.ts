import http from 'node:http';
import type twilioSdk from 'twilio';
import type { Part } from './context.ts';
import { compare, eachOf, takeTurns } from './figures.ts';
import { peer } from './peer.ts';
import { SENDER, type Simulator } from './simulator.ts';

const OURS = 'Rappel';
const RAW = 'raw twilio SDK, keep-alive';
const AT_ONCE = 64;

/** Loan event in → WhatsApp message accepted, recorded and in the log; with and without the provider's receipts. */
export const whatsapp: Part = async (context) => {
  const { count } = context;
  const world = await context.hosts.world();
  const raw = rawMessages(world.twilio);
  try {
    const contestants = [
      { name: RAW, run: () => raw(count) },
      { name: OURS, run: () => world.deliver(count, 'WHATSAPP') },
    ];
    const name = `pipeline, WhatsApp: ${count} loan events → accepted, recorded, in the log`;
    const row = { unit: '/s', ours: OURS, beside: RAW } as const;
    await world.twilio.configure({ dropCallbacks: 1 });
    const bare = await takeTurns(contestants, context);
    await world.twilio.configure({ dropCallbacks: 0 });
    context.say('  with three receipts for each message');
    const withReceipts = await takeTurns(contestants, context);
    return [
      compare(bare, { ...row, name, target: '≥ 0.5', reached: (ratio) => ratio >= 0.5 }),
      compare(withReceipts, { ...row, name: `${name}, with 3 signed receipts each`, note: 'the SDK alone asks for none' }),
    ];
  } finally {
    await world.stop();
  }
};

function rawMessages({ url, accountSid, authToken }: Simulator): (count: number) => Promise<number> {
  const twilio = peer<typeof twilioSdk>('twilio');
  const requests = new twilio.RequestClient({ keepAlive: true, maxSockets: AT_ONCE * 2, maxTotalSockets: AT_ONCE * 2, maxFreeSockets: AT_ONCE * 2 });
  requests.axios.defaults.httpAgent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE * 2 });
  const send = requests.request.bind(requests);
  requests.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    return send({ ...options, uri: new URL(pathname + search, url).href });
  };
  const client = twilio(accountSid, authToken, { httpClient: requests });
  return async (count) => {
    const started = performance.now();
    await eachOf(count, AT_ONCE, (n) => client.messages.create({
      from: SENDER, to: `whatsapp:+33613${String(n).padStart(6, '0')}`,
      body: 'Bonjour Camille, vous avez emprunté : Portable Dell Latitude 5420 (PC-42). À rendre le 27/03/2026 à 16:30.',
    }));
    return count / ((performance.now() - started) / 1000);
  };
}
