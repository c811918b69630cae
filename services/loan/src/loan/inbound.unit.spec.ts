import { describe, expect, it } from '@jest/globals';
import type { Message } from '@rappel/messaging';
import { LoanRefused } from './refused.ts';
import { createRecent } from '../recent.ts';
import { aboutOf, causeOf, handleInbound } from './inbound.ts';

const loan = { attributionId: 'A-1', returnedAt: '2026-03-17T09:00:00.000Z' };
const message = (over: { id?: string; type?: string; data?: object; request?: boolean } = {}): Message => ({
  event: { specversion: '1.0', id: over.id ?? 'e-1', source: '/upstream', type: over.type ?? 'AttributionReturned', data: over.data ?? loan },
  subject: 'inbound.AttributionReturned', deliveries: 1, ...(over.request && { request: true }),
});

function scene({ fails = 0, unknown = 0 }: { fails?: number; unknown?: number } = {}) {
  const stored: string[] = [];
  let left = fails;
  let early = unknown;
  const store = async (what: string) => {
    if (left-- > 0) throw new Error('the store is away');
    if (early-- > 0) throw new LoanRefused('unknown-attribution', 'attribution A-1 is not known');
    stored.push(what);
    return { id: what, version: 1, duplicate: false };
  };
  const loans = { giveBack: () => store('giveBack'), cancel: () => store('cancel') };
  return { stored, useCases: { loans, borrowers: {}, stored: createRecent(), refused: createRecent() } as unknown as Parameters<typeof handleInbound>[0] };
}

it('a conversation goes by the name that upstream gave it, unless that is an address', () => {
  const named = (id: string, correlationid?: string) => causeOf({ source: '/upstream', id, ...(correlationid && { correlationid }) });
  expect([named('e-1').correlationId, named('e-1', 'order 7').correlationId]).toEqual(['e-1', 'order 7']);
  for (const cause of [named('marie@example.org'), named('e-1', 'loan of marie@example.org'), named('e-1', 'marie%40example.org')]) expect(cause.correlationId).toBe(cause.id);
  expect(named('marie@example.org').id).not.toBe(named('paul@example.org').id);
});

it('an event is about its loan, else about its borrower, whatever else comes', () => {
  const about = [{ attributionId: 'A-1', borrower: { id: 'B-1' } }, { borrower: { id: 'B-1' } }, { attributionId: 7 }, { borrower: null }, null, 'A-1', ['A-1']];
  expect(about.map((data) => aboutOf({ data }))).toEqual(['A-1', 'B-1', undefined, undefined, undefined, undefined, undefined]);
});

it('a type that nobody knows is named in the reason, unless it could be an address', async () => {
  const { useCases } = scene();
  const reason = async (type: string) => (await handleInbound(useCases, message({ type })) as { why: string }).why;
  expect(await reason('AttributionLost')).toMatch(/^unknown type, AttributionLost: expected one of AttributionCreated/);
  for (const type of ['marie@example.org', 'Marie Durand', 'x'.repeat(101)]) expect(await reason(type)).toMatch(/^unknown type, something else: /);
});

describe('what comes before its loan', () => {
  it('is given back to the bus for a while, where nobody was told anything', async () => {
    const { stored, useCases } = scene({ unknown: 1 });
    await expect(handleInbound(useCases, message())).rejects.toThrow('not known');
    expect(await handleInbound(useCases, message())).toMatchObject({ kind: 'done' });
    expect(stored).toEqual(['giveBack']);
  });

  it('is refused for good where somebody was told so, though the loan comes up before the copy', async () => {
    const { stored, useCases } = scene({ unknown: 1 });
    expect(await handleInbound(useCases, message({ request: true }))).toEqual({ kind: 'dead', why: 'attribution A-1 is not known' });
    expect(await handleInbound(useCases, message())).toMatchObject({ kind: 'dead', why: expect.stringContaining('refused when it was requested') });
    expect(stored).toEqual([]);
    // Sent once more it is a new matter.
    expect(await handleInbound(useCases, message())).toMatchObject({ kind: 'done' });
  });
});

describe('what comes in twice', () => {
  it('is looked at once: the stream\'s copy of a request that was stored', async () => {
    const { stored, useCases } = scene();
    expect(await handleInbound(useCases, message({ request: true }))).toMatchObject({ kind: 'done' });
    expect(await handleInbound(useCases, message())).toMatchObject({ kind: 'ignore' });
    expect(stored).toEqual(['giveBack']);
  });

  it('is handled when the request failed, so that the copy saves it', async () => {
    const { stored, useCases } = scene({ fails: 1 });
    await expect(handleInbound(useCases, message({ request: true }))).rejects.toThrow('away');
    expect(await handleInbound(useCases, message())).toMatchObject({ kind: 'done' });
    expect(stored).toEqual(['giveBack']);
  });

  it('is told apart by id, by type and by content', async () => {
    const { stored, useCases } = scene();
    await handleInbound(useCases, message({ request: true }));
    await handleInbound(useCases, message({ data: { ...loan, attributionId: 'A-2' } }));
    await handleInbound(useCases, message({ type: 'AttributionCancelled', data: loan }));
    await handleInbound(useCases, message({ id: 'e-2' }));
    expect(stored).toEqual(['giveBack', 'giveBack', 'cancel', 'giveBack']);
  });

  it('answers whoever asks again', async () => {
    const { stored, useCases } = scene();
    await handleInbound(useCases, message({ request: true }));
    expect(await handleInbound(useCases, message({ request: true }))).toMatchObject({ kind: 'done', answer: { id: 'giveBack' } });
    expect(stored).toHaveLength(2);
  });

  it('is remembered for ten thousand others, and not for ever', () => {
    const recent = createRecent();
    const add = (from: number, to: number) => { for (let n = from; n < to; n++) recent.add(String(n)); };
    add(0, 15_000);
    expect([recent.has('5000'), recent.has('14999')]).toEqual([true, true]);
    add(15_000, 20_001);
    expect([recent.has('9999'), recent.has('10000'), recent.has('20000')]).toEqual([false, true, true]);
  });
});
