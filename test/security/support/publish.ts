import { PermissionViolationError, type NatsConnection } from '@nats-io/nats-core';

/** Whether the server lets it through: it tells a refusal before it answers the flush. */
export async function letsPublish(bus: NatsConnection, subject: string): Promise<boolean> {
  let refused = false;
  const status = bus.status();
  const watching = (async () => {
    for await (const one of status) if (one.type === 'error' && one.error instanceof PermissionViolationError && one.error.subject === subject) refused = true;
  })();
  bus.publish(subject, '{}');
  await bus.flush();
  (status as unknown as { stop(): void }).stop();
  await watching;
  return !refused;
}

/** Resolves once it has come back. Call it before it goes. */
export async function reconnected(bus: NatsConnection): Promise<void> {
  for await (const { type } of bus.status()) if (type === 'reconnect') return;
}
