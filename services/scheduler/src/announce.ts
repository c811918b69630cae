import { publicEvents } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import type { Announcement } from '@rappel/messaging';
import { scheduleStream, type ScheduleEvent } from '@rappel/scheduling';

const STREAM_PREFIX = scheduleStream('');

/** Stored event → public message; what was skipped or told in another loan's message is nobody else's business. */
export function announce(event: RecordedEvent): Announcement | undefined {
  const { type, data } = event as unknown as ScheduleEvent;
  switch (type) {
    case 'ReminderDue': return message(event, type, data);
    case 'OverdueMomentPassed': {
      const { policyVersion: _, ...published } = data;
      return message(event, type, published);
    }
    default: return undefined;
  }
}

function message({ id, stream, recordedAt, metadata }: RecordedEvent, type: 'ReminderDue' | 'OverdueMomentPassed', data: object): Announcement {
  return {
    subject: publicEvents[type].subject,
    event: {
      specversion: '1.0', id, source: '/rappel/scheduler', type, subject: stream.slice(STREAM_PREFIX.length), time: recordedAt,
      correlationid: metadata.correlationId ?? id,
      causationid: metadata.causationId ?? id,
      ...(metadata.traceparent && { traceparent: metadata.traceparent }),
      data,
    },
  };
}
