import type { NatsConnection } from '@nats-io/nats-core';
import { publishUntilAnswered, type Planned, type Steering } from '@rappel/demo';
import { createLoan, type Loan } from './loans.ts';

/** A command that the loan service acknowledged: from then on nothing about it may be lost. */
export interface Acknowledged {
  readonly attributionId: string;
  readonly type: Planned['type'];
  /** Real time of the answer. */
  readonly ackedAt: number;
}

export interface Traffic {
  readonly loans: readonly Loan[];
  readonly ledger: readonly Acknowledged[];
  readonly refusals: readonly string[];
  /** Commands sent and not answered yet. */
  readonly owed: number;
  /** Business time of the next command; undefined = all are out. */
  readonly next: string | undefined;
  /** One more loan goes out now. */
  lend(): void;
  /** Publishes what is due by the business clock. */
  publishDue(): void;
}

/** Commands on their way at a time, so that an outage is not answered with a storm of repetitions. */
const AT_ONCE = 32;

interface Open { readonly attributionId: string; readonly rest: Planned[] }

/** Upstream: publishes by acknowledged request, each loan's commands in order, one in ten twice. */
export function createTraffic({ bus, steering, seed }: { bus: NatsConnection; steering: Steering; seed: number }): Traffic {
  const loans: Loan[] = [];
  const ledger: Acknowledged[] = [];
  const refusals: string[] = [];
  const open = new Set<Open>();
  let owed = 0;
  let sent = 0;

  const queue: (() => Promise<void>)[] = [];
  let busy = 0;
  const drain = async (): Promise<void> => {
    if (busy >= AT_ONCE) return;
    busy++;
    for (let work = queue.shift(); work; work = queue.shift()) await work();
    busy--;
  };
  const send = (loan: Open, event: Planned): void => {
    owed++;
    open.delete(loan);
    queue.push(() => publish(loan, event));
    void drain();
  };

  const publish = async (loan: Open, event: Planned): Promise<void> => {
    const times = ++sent % 10 === 0 ? 2 : 1;
    const answers = await Promise.all(Array.from({ length: times }, () => publishUntilAnswered(bus, event)));
    const refusal = answers.find((answer) => answer !== undefined);
    if (refusal === undefined) ledger.push({ attributionId: loan.attributionId, type: event.type, ackedAt: Date.now() });
    else refusals.push(`${event.id}: ${refusal}`);
    owed--;
    if (loan.rest.length > 0) open.add(loan);
  };

  return {
    loans, ledger, refusals,
    get owed() { return owed; },
    get next() { return [...open].map(({ rest }) => rest[0]!.at).sort()[0]; },
    lend() {
      const loan = createLoan(seed, loans.length, steering.now());
      loans.push(loan);
      const [first, ...rest] = loan.events;
      send({ attributionId: loan.attributionId, rest }, first!);
    },
    publishDue() {
      const now = steering.now();
      for (const loan of open) if (loan.rest[0]!.at <= now) send(loan, loan.rest.shift()!);
    },
  };
}
