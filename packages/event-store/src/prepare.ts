import { EventRefused } from './errors.ts';
import type { Append, ExpectedVersion, NewEvent } from './port.ts';

/** Most bytes of JSON (data, personal part and metadata together) of one event. Fits NATS and KurrentDB as they come. */
export const MAX_EVENT_BYTES = 1_000_000;

/** An event that was checked and turned into JSON text, ready to be stored. */
export interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly personal: string | undefined;
  readonly metadata: string | undefined;
  readonly recordedAt: string | undefined;
  readonly bytes: number;
}

export interface PreparedAppend {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly PreparedEvent[];
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// Control characters and surrogates without their other half.
const unfit = /[\u0000-\u001f\u007f\ud800-\udfff]/u;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

/** What every adapter does first, so that all refuse the same. Throws `EventRefused`. */
export function prepareAppends(appends: readonly Append[]): PreparedAppend[] {
  if (appends.length > 1 && new Set(appends.map(({ stream }) => stream)).size < appends.length) {
    throw new EventRefused('a stream is named twice in one append');
  }
  return appends.map(({ stream, events, expected }) => {
    requireName('stream', stream);
    if (expected !== 'any' && !(Number.isSafeInteger(expected) && expected >= 0)) throw new EventRefused(`bad expected version: ${expected}`);
    if (events.length === 0) throw new EventRefused('nothing to append');
    const prepared = events.map(prepareEvent);
    if (prepared.length > 1 && new Set(prepared.map(({ id }) => id)).size < prepared.length) {
      throw new EventRefused('an event id is given twice in one append');
    }
    return { stream, expected, events: prepared };
  });
}

/** Names of streams and types: 1 to 250 characters, well-formed, no control characters, not starting with `$` or `-`. */
export function requireName(kind: 'stream' | 'type', name: string): void {
  const good = typeof name === 'string' && name.length >= 1 && name.length <= 250
    && !/^[$-]/.test(name) && !unfit.test(name);
  if (!good) throw new EventRefused(`bad ${kind} name: ${JSON.stringify(name)?.slice(0, 80)}`);
}

function prepareEvent(event: NewEvent): PreparedEvent {
  if (typeof event.id !== 'string' || !uuid.test(event.id)) throw new EventRefused(`bad event id: ${JSON.stringify(event.id)?.slice(0, 80)}`);
  requireName('type', event.type);
  if (event.recordedAt !== undefined && !instant.test(event.recordedAt)) throw new EventRefused(`bad recordedAt: ${event.recordedAt}`);
  const data = jsonObject(event, 'data')!;
  const personal = jsonObject(event, 'personal');
  const metadata = jsonObject(event, 'metadata');
  const bytes = Buffer.byteLength(data) + (personal ? Buffer.byteLength(personal) : 0) + (metadata ? Buffer.byteLength(metadata) : 0);
  if (bytes > MAX_EVENT_BYTES) throw new EventRefused(`event ${event.id} has ${bytes} bytes of JSON, more than ${MAX_EVENT_BYTES}`);
  return { id: event.id.toLowerCase(), type: event.type, data, personal, metadata, recordedAt: event.recordedAt, bytes };
}

function jsonObject(event: NewEvent, part: 'data' | 'personal' | 'metadata'): string | undefined {
  if (part !== 'data' && event[part] === undefined) return undefined;
  let json: string | undefined;
  try {
    json = JSON.stringify(event[part]);
  } catch (cause) {
    throw new EventRefused(`${part} of event ${event.id} is not JSON`, { cause });
  }
  if (json === undefined || !json.startsWith('{')) throw new EventRefused(`${part} of event ${event.id} is not a JSON object`);
  return json;
}
