import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { MsgHdrs } from '@nats-io/nats-core';
import fc from 'fast-check';
import { hostileString, sometimesSpoiled } from '../support/hostile.ts';
import type { JsonSchema } from '../support/operations.ts';
import { valueOf } from '../support/schema.ts';
import { wellFormed } from './requests.ts';

/** One message of the AsyncAPI document. */
export interface Channel { readonly subject: string; readonly type: string; readonly payload: JsonSchema }

interface AsyncApi { readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: Readonly<Record<string, { readonly payload: JsonSchema }>> }>> }

/** Everything that the AsyncAPI document says is published or taken. */
export function channelsOf(file = join(import.meta.dirname, '../../../packages/contracts/generated/asyncapi.json')): Channel[] {
  const { channels } = JSON.parse(readFileSync(file, 'utf8')) as AsyncApi;
  return Object.values(channels).flatMap(({ address, messages }) => Object.entries(messages).map(([type, { payload }]) => ({ subject: address, type, payload })));
}

export interface Sent { readonly subject: string; readonly type: string; readonly headers: MsgHdrs; readonly payload: string }

interface Drawn { readonly data: unknown; readonly id: string; readonly binary: boolean; readonly about: string | undefined; readonly cut: number | null }

/** Messages of one channel, as CloudEvents in binary or structured mode, now and then with the end cut off. */
export function messagesOf({ subject, type, payload }: Channel): fc.Arbitrary<Sent> {
  const drawn = fc.record({
    data: sometimesSpoiled(valueOf(payload)), id: fc.oneof({ weight: 4, arbitrary: fc.uuid() }, hostileString), binary: fc.boolean(),
    about: fc.option(hostileString, { nil: undefined, freq: 3 }), cut: fc.option(fc.nat(40), { nil: 0, freq: 6 }),
  });
  return drawn.map((one) => ({ subject, type, ...written(type, one) }));
}

function written(type: string, { data, id, binary, about, cut }: Drawn): Pick<Sent, 'headers' | 'payload'> {
  const headers = natsHeaders();
  const attributes = { specversion: '1.0', id, source: 'fuzz', type, ...(about !== undefined && { subject: about }) };
  if (!binary) headers.set('content-type', 'application/cloudevents+json');
  else for (const [name, value] of Object.entries(attributes)) headers.set(`ce-${name}`, wellFormed(value.replaceAll(/[\r\n\u0000]/g, ' ')));
  const payload = wellFormed(JSON.stringify(binary ? data : { ...attributes, data }) ?? '');
  return { headers, payload: cut ? payload.slice(0, -cut) : payload };
}
