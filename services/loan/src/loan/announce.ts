import { publicEvents, type PublicEventType } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import { attributionStream } from '@rappel/lending';
import type { Announcement } from '@rappel/messaging';

const announced: readonly string[] = ['AttributionCreated', 'AttributionRescheduled', 'AttributionReturned', 'AttributionCancelled', 'AttributionOverdue'];
const STREAM_PREFIX = attributionStream('');

/** Stored event → public message, or nothing. A stored shape may change; what is published here may not. */
export function announce(event: RecordedEvent): Announcement | undefined {
  if (!announced.includes(event.type)) return undefined;
  const { correlationId = event.id, traceparent, channels } = event.metadata;
  return {
    subject: publicEvents[event.type as PublicEventType].subject,
    event: {
      specversion: '1.0',
      id: event.id,
      source: '/rappel/loan',
      type: event.type,
      subject: event.stream.slice(STREAM_PREFIX.length),
      time: event.recordedAt,
      correlationid: correlationId,
      causationid: event.metadata.causationId ?? event.id,
      ...(traceparent && { traceparent }),
      ...(channels && { rappelchannels: channels.join() }),
      data: event.data,
    },
  };
}
