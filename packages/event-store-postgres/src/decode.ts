import { START, type Checkpoint, type RecordedEvent } from '@rappel/event-store';
import type { Row } from './connection.ts';

/** The columns that `decode` expects, in its order. */
export const columns = "e.position, e.stream, e.version, e.id, e.recorded_at AT TIME ZONE 'UTC', e.type, e.data, e.personal, e.metadata";

export const checkpointOf = (position: string): Checkpoint => (position === '0' ? START : position.padStart(20, '0'));
export const positionOf = (checkpoint: Checkpoint): string => (checkpoint === START ? '0' : BigInt(checkpoint).toString());

/** @param at index of the first event column in the row */
export function decode(row: Row, at: number): RecordedEvent {
  const personal = row[at + 7];
  const metadata = row[at + 8];
  return {
    id: row[at + 3]!,
    type: row[at + 5]!,
    data: JSON.parse(row[at + 6]!) as object,
    ...(personal && { personal: JSON.parse(personal) as RecordedEvent['personal'] & object }),
    metadata: metadata ? JSON.parse(metadata) as RecordedEvent['metadata'] : {},
    stream: row[at + 1]!,
    version: Number(row[at + 2]),
    checkpoint: checkpointOf(row[at]!),
    recordedAt: instant(row[at + 4]!),
  };
}

// `2026-03-28 08:00:00.12` → `2026-03-28T08:00:00.120Z`
const instant = (text: string): string => `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20).padEnd(3, '0')}Z`;
