import { Id } from '@rappel/contracts';
import { currentTraceparent, type CallerIdentity } from '@rappel/service-kit';
import { v4 as uuidv4, v5 as uuidv5 } from 'uuid';
import type { Cause } from './stored.ts';

const REQUEST_IDS = 'a9f0c9c4-0c0d-4f57-9d53-7e0c2d2b8a31';

/**
 * A request is a cause of its own, unless its `Idempotency-Key` says that it is a repeated one of the same caller. The key
 * also names the conversation, as the id of an event on NATS does, where it is an id like ours: an address has no place there.
 */
export function causeOfRequest({ actor }: CallerIdentity, headers: Readonly<Record<string, string | undefined>>): Cause {
  const key = headers['idempotency-key'];
  const id = key ? uuidv5(`${actor}#${key}`, REQUEST_IDS) : uuidv4();
  const traceparent = currentTraceparent();
  return { id, correlationId: Id.safeParse(key).data ?? id, actor, ...(traceparent && { traceparent }) };
}
