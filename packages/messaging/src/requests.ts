import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core';
import { flat, type Delivery, type KeyOf } from './delivery.ts';
import type { Verdict } from './worker.ts';

// Only where clients wait for answers: a request must not make the service publish on a subject of the requester's choice.
const inboxes = /^(_INBOX[\w-]*|_R_)\./;

export interface RequestOptions {
  readonly bus: NatsConnection;
  readonly subjects: readonly string[];
  readonly stream: string;
  readonly durable: string;
  readonly keyOf: KeyOf;
  readonly take: (delivery: Delivery) => void;
}

/**
 * Answers requests on subjects that a stream keeps as well. The stream is created with `no_ack`, so the handler's answer is the
 * only one; it carries `stream` and `seq`, which is what a JetStream client's `publish` waits for.
 */
export function openRequests({ bus, subjects, stream, durable, keyOf, take }: RequestOptions): { unsubscribe(): void } {
  let count = 0;
  const subscriptions: Subscription[] = subjects.map((subject) => bus.subscribe(subject, {
    queue: `rappel-${durable}`,
    callback: (error, message) => {
      if (error || !message.reply || !inboxes.test(message.reply)) return;
      take(requestOf(message, { stream, number: ++count, keyOf }));
    },
  }));
  return { unsubscribe: () => { for (const subscription of subscriptions) subscription.unsubscribe(); } };
}

function requestOf(message: Msg, { stream, number, keyOf }: { stream: string; number: number; keyOf: KeyOf }): Delivery {
  const headers = flat(message.headers);
  return {
    id: `request:${number}`,
    incoming: { subject: message.subject, headers, payload: message.data, deliveries: 1, stream, sequence: 0, takenAt: '', request: true },
    key: keyOf(headers, message.data),
    request: true,
    settle: (verdict) => { message.respond(JSON.stringify(answerTo(verdict, stream))); },
    working: () => {},
    renew: () => {},
  };
}

/** `seq` is 0: the copy's place in the stream is not known to who answers. `description` is where JetStream clients look for the text. */
function answerTo(verdict: Verdict, stream: string): object {
  switch (verdict.do) {
    case 'ack':
      return Object.assign({}, verdict.answer, verdict.why !== undefined && { ignored: verdict.why }, { stream, seq: 0 });
    case 'term':
      return { error: { code: 400, message: verdict.why, description: verdict.why, ...(verdict.issues && { issues: verdict.issues }) } };
    default: {
      const message = 'not handled yet: kept by the bus if it was taken, send it again with the same id to be sure';
      return { error: { code: 503, message, description: message } };
    }
  }
}
