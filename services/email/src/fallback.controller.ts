import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { publicEvents } from '@rappel/contracts';
import type { Message, Outcome } from '@rappel/messaging';
import { fallBack, type DeliveryDependencies } from '@rappel/notification';
import { DELIVERY } from '@rappel/notification/nest';
import { CONFIG } from '@rappel/service-kit';
import type { EmailConfig } from './config.ts';

/** WhatsApp messages that did not work out and that an email may stand in for. */
@Controller()
export class FallbackController {
  private readonly delivery: DeliveryDependencies;
  private readonly config: EmailConfig;
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies, @Inject(CONFIG) config: EmailConfig) {
    this.delivery = delivery;
    this.config = config;
  }

  @EventPattern(publicEvents.NotificationGivenUp.subject)
  givenUp(@Payload() message: Message): Promise<Outcome> {
    return fallBack(this.delivery, message, this.config.RAPPEL_FALLBACK_CLASSES);
  }

  @EventPattern(publicEvents.NotificationDelivery.subject)
  undelivered(@Payload() message: Message): Promise<Outcome> {
    return fallBack(this.delivery, message, this.config.RAPPEL_FALLBACK_CLASSES);
  }
}
