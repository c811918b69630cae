import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { publicEvents, type AttributionCancelled, type AttributionCreated, type AttributionRescheduled, type AttributionReturned } from '@rappel/contracts';
import { done, type Message, type Outcome } from '@rappel/messaging';
import type { Scheduler } from '@rappel/scheduling';
import { SCHEDULER } from '../tokens.ts';

/** What the loan service announces. Repeated, late and reordered messages leave the same schedule. */
@Controller()
export class LoansController {
  private readonly scheduler: Scheduler;
  constructor(@Inject(SCHEDULER) scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  @EventPattern(publicEvents.AttributionCreated.subject)
  created(@Payload() { event }: Message): Promise<Outcome> {
    return this.out(event.data as AttributionCreated, event);
  }

  @EventPattern(publicEvents.AttributionRescheduled.subject)
  rescheduled(@Payload() { event }: Message): Promise<Outcome> {
    return this.out(event.data as AttributionRescheduled, event);
  }

  @EventPattern(publicEvents.AttributionReturned.subject)
  returned(@Payload() { event }: Message): Promise<Outcome> {
    return this.closed(event.data as AttributionReturned);
  }

  @EventPattern(publicEvents.AttributionCancelled.subject)
  cancelled(@Payload() { event }: Message): Promise<Outcome> {
    return this.closed(event.data as AttributionCancelled);
  }

  private async out({ loan, at }: AttributionCreated | AttributionRescheduled, { id, correlationid = id }: Message['event']): Promise<Outcome> {
    await this.scheduler.out(loan, at, correlationid);
    return done;
  }

  private async closed({ loan, at }: AttributionReturned | AttributionCancelled): Promise<Outcome> {
    await this.scheduler.closed(loan, at);
    return done;
  }
}
