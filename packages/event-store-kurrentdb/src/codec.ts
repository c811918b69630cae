import type { AllStreamRecordedEvent, JSONEventData, Position, RecordedEvent as KurrentRecorded } from '@kurrent/kurrentdb-client';
import { START, type Checkpoint, type PreparedEvent, type RecordedEvent } from '@rappel/event-store';

type Recorded = KurrentRecorded | AllStreamRecordedEvent;

/** What an event carries beside its data. One string under one key: multi-stream appends take nothing else. */
interface Beside {
  /** Which call wrote it: tells a call whether its event is there because of itself. */
  readonly append: string;
  readonly metadata?: RecordedEvent['metadata'];
  readonly personal?: RecordedEvent['personal'];
  /** The time by this process's clock, or that of an imported event: the client's reads cut the server's own time to seconds. */
  readonly recordedAt: string;
}

const KEY = 'rappel';

export function encode(event: PreparedEvent, append: string): JSONEventData {
  const { metadata, personal, recordedAt } = event;
  // Put together as text so that keys keep their order.
  const beside = [
    `"append":${JSON.stringify(append)}`,
    ...(metadata ? [`"metadata":${metadata}`] : []),
    ...(personal ? [`"personal":${personal}`] : []),
    `"recordedAt":"${(recordedAt ? new Date(recordedAt) : new Date()).toISOString()}"`,
  ];
  const { correlationId, causationId } = metadata ? JSON.parse(metadata) as RecordedEvent['metadata'] : {};
  return {
    id: event.id,
    type: event.type,
    contentType: 'application/json',
    data: JSON.parse(event.data) as JSONEventData['data'],
    metadata: {
      [KEY]: `{${beside.join(',')}}`,
      // The server's own names, for its user interface and tools.
      ...(typeof correlationId === 'string' && { $correlationId: correlationId }),
      ...(typeof causationId === 'string' && { $causationId: causationId }),
    },
  };
}

export function decode(event: Recorded): RecordedEvent {
  const { metadata, personal, recordedAt } = besideOf(event);
  return {
    id: event.id,
    type: event.type,
    data: dataOf(event),
    ...(personal && { personal }),
    metadata: metadata ?? {},
    stream: event.streamId,
    version: Number(event.revision) + 1,
    checkpoint: checkpointOf(event.position!),
    recordedAt: recordedAt ?? event.created.toISOString(),
  };
}

/** The call that wrote the event, when it was one of this adapter's. */
export const writerOf = (event: Recorded): string | undefined => besideOf(event).append;

function besideOf({ metadata }: Recorded): Partial<Beside> {
  if (typeof metadata !== 'object' || metadata === null || metadata instanceof Uint8Array) return {};
  const ours = (metadata as Record<string, unknown>)[KEY];
  // An event that something else wrote keeps its metadata as it is.
  return typeof ours === 'string' ? JSON.parse(ours) as Beside : { metadata: metadata as RecordedEvent['metadata'] };
}

function dataOf({ isJson, data }: Recorded): object {
  return isJson && typeof data === 'object' && data !== null ? data : { value: isJson ? data : Buffer.from(data as Uint8Array).toString('base64') };
}

const pad = (position: bigint): string => position.toString().padStart(20, '0');

export const checkpointOf = ({ commit, prepare }: Position): Checkpoint => `${pad(commit)}/${pad(prepare)}`;

export function positionOf(checkpoint: Checkpoint): Position | undefined {
  if (checkpoint === START) return undefined;
  const [commit, prepare] = checkpoint.split('/');
  return { commit: BigInt(commit!), prepare: BigInt(prepare ?? commit!) };
}
