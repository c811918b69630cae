import { inboundTypes, type InboundType } from '@rappel/contracts';
import { derivedIds } from '@rappel/event-store';
import { answer, dead, ignore, shown, type Message, type Outcome } from '@rappel/messaging';
import { hash } from 'node:crypto';
import type { z } from 'zod';
import type { Borrowers } from '../borrower/commands.ts';
import type { Recent } from '../recent.ts';
import type { Cause, Stored } from '../stored.ts';
import type { Loans } from './commands.ts';
import { isLoanRefused } from './refused.ts';

const commandId = derivedIds('0b8a4d9e-5f0e-4a53-8d47-4f3a3a2c9d10');
/** A return may overtake its creation: so often it is delivered, over half a minute, before it counts as unknown. */
const PATIENCE = 6;

type Input<T extends InboundType> = ReturnType<(typeof inboundTypes)[T]['parse']>;
interface UseCases {
  readonly loans: Loans;
  readonly borrowers: Borrowers;
  /** What this process stored a moment ago, by type, cause and content. */
  readonly stored: Recent;
  /** Requests that this process refused because the loan was not known, until the stream's copy of them comes. */
  readonly refused: Recent;
}

const handlers: { [T in InboundType]: (useCases: UseCases, data: Input<T>, cause: Cause) => Promise<Stored> } = {
  AttributionCreated: ({ loans }, data, cause) => loans.create(data, cause),
  AttributionRescheduled: ({ loans }, data, cause) => loans.reschedule(data, cause),
  AttributionReturned: ({ loans }, data, cause) => loans.giveBack(data, cause),
  AttributionCancelled: ({ loans }, data, cause) => loans.cancel(data, cause),
  BorrowerUpdated: ({ borrowers }, data, cause) => borrowers.update(data, cause),
};

const isInboundType = (type: string): type is InboundType => Object.hasOwn(inboundTypes, type);

/**
 * The cause that an event from upstream is; the same source and id is the same cause, however often it comes. Conversations are kept and
 * shown in clear, so one that is named after an address goes by the cause's own id instead.
 */
export function causeOf({ source, id, correlationid = id, traceparent }: Pick<Message['event'], 'source' | 'id' | 'correlationid' | 'traceparent'>): Cause {
  const own = commandId(`${source}#${id}`);
  return { id: own, correlationId: /@|%40/.test(correlationid) ? own : correlationid, ...(traceparent && { traceparent }) };
}

/** What an event is about that names no subject: its loan, else its borrower. Without this, what upstream says of a loan in a row would be handled in any order. */
export function aboutOf({ data }: Pick<Message['event'], 'data'>): string | undefined {
  const { attributionId, borrower } = (data ?? {}) as { attributionId?: unknown; borrower?: { id?: unknown } | null };
  const id = attributionId ?? borrower?.id;
  return typeof id === 'string' ? id : undefined;
}

/**
 * What upstream published on `inbound.*`: stored and answered, or dead with the reason. Who publishes to JetStream asks and fills the
 * stream with one message: the stream's copy comes right behind the request and is not worth another look into the store.
 */
export async function handleInbound(useCases: UseCases, message: Message): Promise<Outcome> {
  const { type, data } = message.event;
  if (!isInboundType(type)) return dead(`unknown type, ${shown(type)}: expected one of ${Object.keys(inboundTypes).join(', ')}`);
  const cause = causeOf(message.event);
  const what = `${type} ${cause.id} ${digest(data)}`;
  const settled = message.request ? undefined : settledByRequest(useCases, what);
  if (settled) return settled;
  const parsed = inboundTypes[type].safeParse(data);
  if (!parsed.success) return invalid(type, parsed.error.issues);
  try {
    const handle = handlers[type] as (useCases: UseCases, data: unknown, cause: Cause) => Promise<Stored>;
    const stored = await handle(useCases, parsed.data, cause);
    useCases.stored.add(what);
    return answer(stored);
  } catch (error) {
    if (!isLoanRefused(error)) throw error;
    if (error.code === 'unknown-attribution') wait(useCases, message, { what, error });
    return dead(error.message);
  }
}

/** What became of the request that the stream's copy comes behind; undefined: it was none, or is still to be handled. */
function settledByRequest({ stored, refused }: UseCases, what: string): Outcome | undefined {
  if (stored.has(what)) return ignore('stored a moment ago');
  // Refused is refused: its copy must not be carried out though the loan comes up while it is tried again.
  return refused.take(what) ? dead('refused when it was requested: the attribution was not known') : undefined;
}

/** Throws where the loan may still come up and nobody was told otherwise: given back to the bus, not kept, it does not stay in front of the very creation it waits for. */
function wait({ refused }: UseCases, { request, deliveries }: Message, { what, error }: { what: string; error: Error }): void {
  if (request) refused.add(what);
  else if (deliveries < PATIENCE) throw error;
}

const digest = (data: unknown): string => hash('sha1', JSON.stringify(data) ?? '');

/** The first thing that is wrong stands in the reason, so that a list of dead letters tells them apart. */
function invalid(type: InboundType, issues: readonly z.core.$ZodIssue[]): Outcome {
  const told = issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first, ...others] = told;
  return dead(`invalid ${type}: ${first!.path || 'data'}: ${first!.message}${others.length > 0 ? ` (and ${others.length} more)` : ''}`, told);
}
