import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { publicEvents, type OverdueMomentPassed } from '@rappel/contracts';
import { done, ignore, type Message, type Outcome } from '@rappel/messaging';
import type { Borrowers } from '../borrower/commands.ts';
import { BORROWERS, LOANS } from '../tokens.ts';
import type { Loans } from './commands.ts';
import { createRecent } from '../recent.ts';
import { handleInbound } from './inbound.ts';

/** Messages in: what upstream publishes, and the scheduler's word that a due moment has passed. */
@Controller()
export class LoanController {
  readonly loans: Loans;
  readonly borrowers: Borrowers;
  readonly stored = createRecent();
  readonly refused = createRecent();
  constructor(@Inject(LOANS) loans: Loans, @Inject(BORROWERS) borrowers: Borrowers) {
    this.loans = loans;
    this.borrowers = borrowers;
  }

  @EventPattern('inbound.*')
  inbound(@Payload() message: Message): Promise<Outcome> {
    return handleInbound(this, message);
  }

  @EventPattern(publicEvents.OverdueMomentPassed.subject)
  async overdueMomentPassed(@Payload() { event }: Message): Promise<Outcome> {
    const { attributionId, dueVersion, occurrence, daysLate, level, companions, at } = event.data as OverdueMomentPassed;
    const { duplicate } = await this.loans.record(
      { type: 'MarkOverdue', attributionId, dueVersion, occurrence, daysLate, level, ...(companions && { companions }), at },
      { id: event.id, correlationId: event.correlationid ?? event.id, ...(event.traceparent && { traceparent: event.traceparent }) },
    );
    return duplicate ? ignore('the loan is not late, or was told so already') : done;
  }
}
