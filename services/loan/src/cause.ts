import { Id } from '@rappel/contracts';
import { derivedIds } from '@rappel/event-store';
import { currentTraceparent, type CallerIdentity } from '@rappel/service-kit';
import { randomUUID } from 'node:crypto';
import type { Cause } from './stored.ts';

const requestId = derivedIds('a9f0c9c4-0c0d-4f57-9d53-7e0c2d2b8a31');

/**
 * A request is a cause of its own, unless its `Idempotency-Key` says that it is a repeated one of the same caller. The key
 * also names the conversation, as the id of an event on NATS does, where it is an id like ours: an address has no place there.
 */
export function causeOfRequest({ actor }: CallerIdentity, headers: Readonly<Record<string, string | undefined>>): Cause {
  const key = headers['idempotency-key'];
  const id = key ? requestId(`${actor}#${key}`) : randomUUID();
  const traceparent = currentTraceparent();
  return { id, correlationId: Id.safeParse(key).data ?? id, actor, ...(traceparent && { traceparent }) };
}
