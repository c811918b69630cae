import { headers as natsHeaders } from '@nats-io/nats-core';
import { publicEvents } from '@rappel/contracts';
import type { EventStore, RecordedEvent } from '@rappel/event-store';
import { writeEnvelope } from '@rappel/messaging';
import type { Context } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';

/** Stored loan events on `republish.<subject>`, with the ids under which they were announced. */
export async function republish(context: Context, { after, dryRun }: { after?: string; dryRun?: boolean }): Promise<void> {
  const store = await context.store();
  let count = 0;
  for await (const _ of announced(store, after)) count += 1;
  if (dryRun) return context.out.answer({ events: count }, () => context.out.line(`${count} events would be published`));
  const bus = await context.bus();
  await context.change(`Publish ${count} events on republish.loan.*?`, { command: 'republish', details: { events: count } });
  const bar = context.out.progress('events', count);
  let done = 0;
  for await (const event of announced(store, after)) {
    const { correlationId = event.id, channels } = event.metadata;
    const { headers, payload } = writeEnvelope({ specversion: '1.0', id: event.id, source: '/rappel/loan', type: event.type, subject: event.stream.slice('attribution-'.length), time: event.recordedAt, correlationid: correlationId, rappelchannels: channels?.join(), data: event.data });
    const all = natsHeaders();
    for (const [key, value] of Object.entries({ ...headers, 'Nats-Msg-Id': event.id, 'rappel-position': event.checkpoint })) all.set(key, value);
    bus.publish(`republish.${publicEvents[event.type as 'AttributionCreated'].subject}`, payload, { headers: all });
    done += 1;
    context.signal.throwIfAborted();
    if (done % 500 === 0) await bus.flush();
    bar.set(done, count);
  }
  await bus.flush().finally(() => bar.stop());
  context.out.answer({ events: done }, () => context.out.line(`${done} events published`));
}

/** The loan service announces its events as they are stored. */
async function* announced(store: EventStore, after = ''): AsyncGenerator<RecordedEvent> {
  for (let from = after; ;) {
    const page = await store.readAll({ after: from, categories: ['attribution'], limit: 1000 }).catch((cause: unknown) => { throw (cause as { code?: string }).code === 'store-unavailable' ? cause : new ToolError('the event store cannot be read from there', exitCodes.usage, { cause }); });
    yield* page.filter(({ type }) => type in publicEvents);
    if (page.length < 1000) return;
    from = page.at(-1)!.checkpoint;
  }
}
