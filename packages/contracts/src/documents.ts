import { z } from 'zod';
import { inboundTypes } from './inbound.ts';
import { publicEvents, streams } from './subjects.ts';

type Json = Record<string, unknown>;
type Io = 'input' | 'output';

const schemaOf = (schema: z.ZodType, io: Io): Json => z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Json;

/** File name without ending → JSON Schema: every public event's `data` as it is published, every inbound one as it is accepted. */
export function jsonSchemas(): Record<string, Json> {
  return Object.fromEntries([
    ...Object.entries(publicEvents).map(([type, { subject, schema }]) => [subject, titled(type, schemaOf(schema, 'output'))]),
    ...Object.entries(inboundTypes).map(([type, schema]) => [`inbound.${type}`, titled(type, schemaOf(schema, 'input'))]),
  ]) as Record<string, Json>;
}

const titled = (title: string, { $schema, ...schema }: Json): Json => ({ $schema, title, ...schema });
const bare = (schema: Json): Json => Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema'));

interface Entry { readonly subject: string; readonly type: string; readonly schema: Json; readonly direction: 'send' | 'receive' }

/** The AsyncAPI 3.0 document of what Rappel publishes and takes on NATS. */
export function asyncApi(): Json {
  const schemas = jsonSchemas();
  const entries: Entry[] = [
    ...Object.entries(publicEvents).map(([type, { subject }]): Entry => ({ subject, type, schema: schemas[subject]!, direction: 'send' })),
    ...Object.keys(inboundTypes).map((type): Entry => ({ subject: `inbound.${type}`, type, schema: schemas[`inbound.${type}`]!, direction: 'receive' })),
  ];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Rappel', version: '1',
      description: 'CloudEvents 1.0 on NATS. Binary mode: attributes in `ce-*` headers, `data` as the payload; inbound events may also come in structured mode (`content-type: application/cloudevents+json`).',
    },
    defaultContentType: 'application/json',
    servers: { nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'The local stack; JetStream keeps the events in the streams named at each channel.' } },
    channels: Object.fromEntries(entries.map((entry) => [entry.subject, channelOf(entry)])),
    operations: Object.fromEntries(entries.map(({ subject, type, direction }) => [`${direction}.${subject}`, {
      action: direction, channel: reference('channels', subject), summary: direction === 'send' ? `Rappel says: ${type}` : `Upstream says: ${type}`,
      messages: [{ $ref: `${reference('channels', subject).$ref}/messages/${type}` }],
    }])),
    components: { messageTraits: { cloudEvent: { headers: headers } } },
  };
}

const reference = (kind: string, name: string) => ({ $ref: `#/${kind}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` });

function channelOf({ subject, type, schema }: Entry): Json {
  const stream = Object.entries(streams).find(([, { subjects }]) => subjects.some((pattern) => fits(pattern, subject)))?.[0];
  return {
    address: subject,
    messages: { [type]: { name: type, contentType: 'application/json', traits: [{ $ref: '#/components/messageTraits/cloudEvent' }], payload: bare(schema) } },
    ...(stream && { description: `Kept by the JetStream stream ${stream}.` }),
  };
}

const fits = (pattern: string, subject: string): boolean => {
  const [wanted, given] = [pattern.split('.'), subject.split('.')];
  return wanted.length === given.length && wanted.every((part, i) => part === '*' || part === given[i]);
};

const headers: Json = {
  type: 'object',
  required: ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'],
  properties: {
    'ce-specversion': { const: '1.0' },
    'ce-id': { type: 'string', description: 'Unique per source; a repeated one changes nothing.' },
    'ce-source': { type: 'string' }, 'ce-type': { type: 'string' },
    'ce-subject': { type: 'string' }, 'ce-time': { type: 'string', format: 'date-time' },
    'ce-traceparent': { type: 'string', description: 'W3C trace context.' },
    'ce-correlationid': { type: 'string', description: 'The conversation: the id of the upstream event that started it.' },
    'ce-causationid': { type: 'string' },
    'ce-rappelchannels': { type: 'string', description: 'The only channels that reach the borrower (EMAIL or WHATSAPP), where the loan service knows; nothing that upstream says.' },
  },
};

/** Path under `generated/` → text. */
export function files(): Record<string, string> {
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'asyncapi.json': text(asyncApi()),
    ...Object.fromEntries(Object.entries(jsonSchemas()).map(([name, schema]) => [`schemas/${name}.json`, text(schema)])),
  };
}

/** What a neighbour relies on, per version: its JSON Schema without words meant for people, as one line. */
export const shapes = (): Record<string, string> =>
  Object.fromEntries(Object.entries(jsonSchemas()).map(([name, schema]) => [name, JSON.stringify(schema, (key, value: unknown) => (key === 'description' || key === 'title' ? undefined : value))]));
