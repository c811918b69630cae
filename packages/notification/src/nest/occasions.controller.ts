import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { publicEvents } from '@rappel/contracts';
import type { Message, Outcome } from '@rappel/messaging';
import { deliver } from '../delivery/deliver.ts';
import type { DeliveryDependencies } from '../delivery/dependencies.ts';
import { DELIVERY } from './tokens.ts';

/** Everything a borrower should be told about. */
@Controller()
export class OccasionsController {
  private readonly delivery: DeliveryDependencies;
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies) {
    this.delivery = delivery;
  }

  @EventPattern(publicEvents.AttributionCreated.subject)
  created(@Payload() message: Message): Promise<Outcome> {
    return deliver(this.delivery, message);
  }

  @EventPattern(publicEvents.AttributionReturned.subject)
  returned(@Payload() message: Message): Promise<Outcome> {
    return deliver(this.delivery, message);
  }

  @EventPattern(publicEvents.AttributionOverdue.subject)
  overdue(@Payload() message: Message): Promise<Outcome> {
    return deliver(this.delivery, message);
  }

  @EventPattern(publicEvents.ReminderDue.subject)
  reminder(@Payload() message: Message): Promise<Outcome> {
    return deliver(this.delivery, message);
  }
}
