import { describe, expect, it } from '@jest/globals';
import { keyBy } from './delivery.ts';

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const binary = { 'ce-specversion': '1.0', 'ce-id': 'e-1', 'ce-source': '/desk', 'ce-type': 'AttributionReturned' };
const structured = { 'content-type': 'application/cloudevents+json' };
const event = { specversion: '1.0', id: 'e-1', source: '/desk', type: 'AttributionReturned', data: { attributionId: 'A-1' } };

describe('which messages wait for one another', () => {
  const keyOf = keyBy(({ data }) => (data as { attributionId?: string }).attributionId);

  it('those of one subject, wherever it stands', () => {
    expect(keyOf({ ...binary, 'ce-subject': 'S-1' }, bytes({ attributionId: 'A-1' }))).toBe('S-1');
    expect(keyOf({ 'Ce-Subject': 'S-1' }, bytes({}))).toBe('S-1');
    expect(keyOf(structured, bytes({ ...event, subject: 'S-1' }))).toBe('S-1');
  });

  it('else those about the same thing', () => {
    expect(keyOf(binary, bytes({ attributionId: 'A-1' }))).toBe('A-1');
    expect(keyOf(structured, bytes(event))).toBe('A-1');
  });

  it('none where nothing says so, or nobody asks', () => {
    expect(keyOf(binary, bytes({}))).toBeUndefined();
    expect(keyOf({}, bytes('no event'))).toBeUndefined();
    expect(keyBy(undefined)(binary, bytes({ attributionId: 'A-1' }))).toBeUndefined();
  });
});
