import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readEnvelope, writeEnvelope } from './envelope.ts';

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const attributes = { 'ce-specversion': '1.0', 'ce-id': 'e-1', 'ce-source': '/desk', 'ce-type': 'AttributionCreated' };
const event = { specversion: '1.0', id: 'e-1', source: '/desk', type: 'AttributionCreated', data: { a: 1 } };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };

describe('reading a CloudEvent', () => {
  it('takes binary and structured mode, header names in any case', () => {
    expect(readEnvelope(attributes, bytes({ a: 1 }))).toEqual({ ok: true, event });
    expect(readEnvelope({ 'Ce-Specversion': '1.0', 'CE-ID': 'e-1', 'cE-source': '/desk', 'Ce-Type': 'AttributionCreated', 'Content-Type': 'application/json' }, bytes({ a: 1 }))).toEqual({ ok: true, event });
    expect(readEnvelope(structured, bytes({ ...event, someextension: 'x' }))).toEqual({ ok: true, event });
  });

  it('reads the trace and the conversation', () => {
    const read = readEnvelope({ ...attributes, traceparent: '00-1-2-01', 'ce-correlationid': 'c', 'ce-subject': 'loan%201' }, bytes({}));
    expect(read).toMatchObject({ event: { traceparent: '00-1-2-01', correlationid: 'c', subject: 'loan 1' } });
  });

  it.each([
    ['no attributes', {}, { a: 1 }, /no ce-\* headers/],
    ['no id', { ...attributes, 'ce-id': '' }, {}, /id/],
    ['another version', { ...attributes, 'ce-specversion': '0.3' }, {}, /specversion/],
    ['a time that is none', { ...attributes, 'ce-time': 'tomorrow' }, {}, /time/],
    ['a control character', { ...attributes, 'ce-subject': 'a%00b' }, {}, /control characters/],
    ['XML', { ...attributes, 'content-type': 'application/xml' }, '<loan/>', /^data is application\/xml, only JSON/],
    ['Avro', { 'content-type': 'application/cloudevents+avro' }, '\u0002Obj', /^application\/cloudevents\+avro is not accepted, only application\/cloudevents\+json/],
    ['a type that is an address', { ...attributes, 'content-type': 'text/marie@example.org' }, {}, /^data is something else, only JSON/],
    ['no JSON', attributes, '{"a":', /not JSON/],
    ['nothing', attributes, '', /empty/],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, [event], /batches/],
    ['a structured list', structured, [event], /JSON object/],
    ['base64', structured, { ...event, data_base64: 'AA==' }, /data_base64/],
    ['a prototype', attributes, '{"x":{"__proto__":{"admin":true}}}', /__proto__/],
    ['an escaped prototype', attributes, '{"\\u005f_proto__":1}', /__proto__/],
    ['too deep', attributes, '['.repeat(10_000) + ']'.repeat(10_000), /deeper than 64/],
    ['too long', attributes, `"${'x'.repeat(1024 * 1024)}"`, /longer than/],
  ])('refuses %s with a reason', (_, headers, payload, reason) => {
    expect(readEnvelope(headers as Record<string, string>, bytes(payload))).toEqual(expect.objectContaining({ ok: false, reason: expect.stringMatching(reason) }));
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(readEnvelope(attributes, Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ ok: false, reason: 'payload is not UTF-8' });
  });

  it('gives a value or a reason for whatever comes, and never throws', () => {
    const name = fc.oneof(fc.constantFrom(...Object.keys(attributes), 'content-type', 'ce-time', 'ce-subject', '__proto__', 'constructor'), fc.string());
    fc.assert(fc.property(
      fc.dictionary(name, fc.oneof(fc.string(), fc.constantFrom('1.0', 'application/json', 'application/cloudevents+json', '%', '%E0%A4%A'))),
      fc.oneof(fc.uint8Array(), fc.json().map(bytes), fc.record({ specversion: fc.anything(), id: fc.anything(), data: fc.anything() }).map((value) => {
        try { return bytes(value); } catch { return bytes('null'); }
      })),
      (headers, payload) => {
        const read = readEnvelope(headers, payload);
        expect(read.ok ? typeof read.event : read.reason.length > 0).toBe(read.ok ? 'object' : true);
      },
    ), { numRuns: 2000 });
  });

  it('reads back what was written', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((s) => !/[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(s));
    fc.assert(fc.property(text, text, fc.jsonValue(), (id, subject, data) => {
      const wanted = { ...event, specversion: '1.0' as const, id, subject, data: JSON.parse(JSON.stringify(data)) as unknown };
      const { headers, payload } = writeEnvelope(wanted);
      expect(Object.values(headers).every((value) => /^[\x21-\x7e ]*$/.test(value))).toBe(true);
      const read = readEnvelope(headers, payload);
      if (!JSON.stringify(data).includes('__proto__')) expect(read).toEqual({ ok: true, event: wanted });
    }));
  });
});
