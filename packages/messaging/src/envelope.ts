import { Envelope } from '@rappel/contracts';
import { parseJson } from './json.ts';
import type { Issue } from './port.ts';

/** Header names and values; several values under one name keep the first. */
export type Headers = Readonly<Record<string, string>>;

export type Read =
  | { readonly ok: true; readonly event: Envelope }
  | { readonly ok: false; readonly reason: string; readonly issues?: readonly Issue[] };

const attributes = ['specversion', 'id', 'source', 'type', 'subject', 'time', 'traceparent', 'correlationid', 'causationid', 'rappelchannels'] as const;
/** Attribute and header. */
const headerOf = attributes.map((name) => [name, `ce-${name}`] as const);
const control = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;
const encoder = new TextEncoder();

/**
 * Reads a CloudEvent off NATS: binary mode (attributes in `ce-*` headers of any case, `data` as JSON payload) or structured mode
 * (`content-type: application/cloudevents+json`). Returns the event or why there is none; never throws.
 */
export function readEnvelope(headers: Headers, payload: Uint8Array): Read {
  const low = lowered(headers);
  const contentType = low['content-type']?.split(';', 1)[0]!.trim().toLowerCase();
  // Before the payload: whoever sends Avro is to read that it is Avro, not that it is no JSON.
  const refused = contentType === undefined ? undefined : refusedType(contentType);
  if (refused) return { ok: false, reason: refused };
  const parsed = parseJson(payload);
  if (!parsed.ok) return parsed;
  if (contentType === STRUCTURED) return structured(parsed.value);
  if (!isBinary(low)) return { ok: false, reason: `not a CloudEvent: no ce-* headers and no content-type ${STRUCTURED}` };
  return checked(fromHeaders(low, parsed.value));
}

/** Writes a CloudEvent in binary mode. */
export function writeEnvelope(event: Envelope): { headers: Record<string, string>; payload: Uint8Array } {
  const headers: Record<string, string> = {};
  for (const [name, header] of headerOf) {
    const value = event[name];
    if (value !== undefined) headers[header] = encoded(value);
  }
  headers['content-type'] = event.datacontenttype ?? 'application/json';
  return { headers, payload: encoder.encode(JSON.stringify(event.data ?? null)) };
}

function lowered(headers: Headers): Record<string, string | undefined> {
  // A relay's message: written by `writeEnvelope`, so lower case already.
  if (Object.hasOwn(headers, 'rappel-position') && Object.hasOwn(headers, 'ce-specversion')) return headers;
  const low: Record<string, string | undefined> = Object.create(null);
  for (const name in headers) low[name.toLowerCase()] ??= headers[name];
  return low;
}

function isBinary(low: Record<string, string | undefined>): boolean {
  for (const name in low) if (name.startsWith('ce-')) return true;
  return false;
}

/** A word of the sender's as a reason may show it, which is kept in the clear: an address is no word. */
export const shown = (text: string): string => (/^[\w.+/-]{1,100}$/.test(text) ? text : 'something else');

const STRUCTURED = 'application/cloudevents+json';
const isJson = (contentType: string): boolean => contentType === 'application/json' || contentType.endsWith('+json') || contentType === 'text/json';

function refusedType(contentType: string): string | undefined {
  if (contentType.startsWith('application/cloudevents-batch')) return 'batches of CloudEvents are not accepted: send them one by one';
  if (contentType.startsWith('application/cloudevents') && contentType !== STRUCTURED) return `${shown(contentType)} is not accepted, only ${STRUCTURED}`;
  return isJson(contentType) ? undefined : `data is ${shown(contentType)}, only JSON is accepted`;
}

function structured(value: unknown): Read {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { ok: false, reason: 'a structured CloudEvent must be a JSON object' };
  if ('data_base64' in value) return { ok: false, reason: 'data_base64 is not accepted: send data as JSON' };
  return checked(value as Record<string, unknown>);
}

function fromHeaders(low: Record<string, string | undefined>, data: unknown): Record<string, unknown> {
  const event: Record<string, unknown> = { data };
  for (const [name, header] of headerOf) {
    const value = low[header];
    if (value !== undefined) event[name] = decoded(value);
  }
  // Trace context travels under its own header in many clients.
  if (event.traceparent === undefined && low.traceparent !== undefined) event.traceparent = low.traceparent;
  return event;
}

function checked(candidate: Record<string, unknown>): Read {
  if (plain(candidate)) return { ok: true, event: candidate as unknown as Envelope };
  for (const name of attributes) {
    const value = candidate[name];
    if (typeof value === 'string' && control.test(value)) return { ok: false, reason: `not a CloudEvent: ${name} has control characters` };
  }
  const result = Envelope.safeParse(candidate);
  if (result.success) return { ok: true, event: result.data };
  const issues = issuesOf(result.error);
  return { ok: false, reason: `not a CloudEvent: ${issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}`.slice(0, 1000), issues };
}

const required: ReadonlySet<string> = new Set(['specversion', 'id', 'source', 'type', 'data']);
const known: ReadonlySet<string> = new Set([...required, ...attributes]);
const shape = /^[\x20-\x7e]{1,200}$/;
const utc = /^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Whether it is so ordinary (short ASCII, known attributes only) that the schema has nothing to say: several times faster to find out. */
function plain(candidate: Record<string, unknown>): boolean {
  let found = 0;
  for (const name in candidate) {
    const value = candidate[name];
    if (!known.has(name)) return false;
    if (name !== 'data' && (typeof value !== 'string' || !shape.test(value))) return false;
    if (required.has(name)) found++;
  }
  return found === required.size && candidate.specversion === '1.0' && (candidate.time === undefined || utc.test(candidate.time as string));
}

/** What a schema complains about, without the values. */
export const issuesOf = (error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] }): Issue[] =>
  error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }));

// The NATS binding percent-encodes what is not printable ASCII, and space, quote and percent.
const encoded = (value: string): string => (/^[!#$&-~]*$/.test(value) ? value : value.replace(/[^!#$&-~]+/gu, encodeURIComponent));
function decoded(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
