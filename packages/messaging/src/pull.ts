import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/nats-core';

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;
const [HEARTBEAT, NONE, EXPIRED, NO_RESPONDERS] = [100, 404, 408, 503];

export interface PullOptions {
  readonly bus: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  /** Most messages asked for or held at once. */
  readonly prefetch: number;
  readonly onMessage: (message: Msg) => void;
  /** The durable or its stream is not there (any more), or gives no sign of life. */
  readonly onMissing: (why: string) => void;
}

export interface Pull {
  /** Asks afresh: at start, and once the durable is known to be there again. */
  restart(): void;
  /** One message less is held here. */
  release(): void;
  /** Stops asking; messages already on their way still come in until it resolves. */
  stop(): Promise<void>;
}

/**
 * Keeps a pull consumer busy: asks for messages while fewer than `prefetch` are held, so that a slow process takes no more than
 * it can work on. (The library's own `consume()` asks for more whenever messages arrive, whether or not they were worked on.)
 */
export function createPull({ bus, stream, durable, prefetch, onMessage, onMissing }: PullOptions): Pull {
  const inbox = createInbox((bus as { options?: { inboxPrefix?: string } }).options?.inboxPrefix);
  let subscription: Subscription | undefined;
  let held = 0;
  let asked = 0;
  let active = false;
  let lastSign = 0;
  let pause: NodeJS.Timeout | undefined;

  const ask = () => {
    const room = prefetch - held - asked;
    if (!active || pause || room <= 0 || (asked > 0 && room < prefetch / 4)) return;
    asked += room;
    bus.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      JSON.stringify({ batch: room, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 }), { reply: inbox });
  };
  const later = (ms: number) => {
    pause ??= setTimeout(() => { pause = undefined; ask(); }, ms);
  };
  const missing = (why: string) => {
    active = false;
    asked = 0;
    onMissing(why);
  };
  const status = (message: Msg) => {
    const { code, description } = message.headers!;
    if (code === HEARTBEAT) return;
    if (code === NO_RESPONDERS || /deleted/i.test(description)) return missing(description || 'the durable or its stream is not there');
    const left = Number(message.headers!.get('Nats-Pending-Messages') || asked);
    asked = Math.max(0, asked - left);
    if (code === EXPIRED || code === NONE) ask();
    else later(250);
  };
  const receive = (error: Error | null, message: Msg): void => {
    if (error) return missing(error.message);
    lastSign = Date.now();
    if (message.subject === inbox) {
      if (message.headers) status(message);
      return;
    }
    if (asked > 0) asked--;
    held++;
    onMessage(message);
    ask();
  };
  const watch = setInterval(() => {
    if (active && asked > 0 && Date.now() - lastSign > 2.5 * HEARTBEAT_MS && !bus.isClosed()) missing('no sign of life');
  }, HEARTBEAT_MS);
  watch.unref();

  return {
    restart: () => {
      subscription ??= bus.subscribe(inbox, { callback: receive });
      active = true;
      asked = 0;
      lastSign = Date.now();
      ask();
    },
    release: () => {
      held--;
      ask();
    },
    stop: async () => {
      active = false;
      clearInterval(watch);
      clearTimeout(pause);
      await subscription?.drain().catch(() => {});
    },
  };
}
