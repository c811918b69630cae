import { Module } from '@nestjs/common';
import type { Provider } from '@rappel/notification';
import { delivering, OccasionsController, OperationsController, PROVIDER, SENDER } from '@rappel/notification/nest';
import { CONFIG, consuming, infrastructure, LOGGER, type Logger } from '@rappel/service-kit';
import { createRenderer } from '@rappel/templates';
import { createTwilioClient } from './client.ts';
import type { WhatsappConfig } from './config.ts';
import { checkContents } from './content-check.ts';
import { ReceiptsController } from './receipts.controller.ts';
import { RepliesController } from './replies.controller.ts';
import { createTwilioProvider } from './twilio.ts';

async function openProvider(config: WhatsappConfig, logger: Logger): Promise<Provider> {
  const client = createTwilioClient(config);
  const renderer = createRenderer({ templatesDir: config.RAPPEL_TEMPLATES_DIR });
  if (Object.keys(config.TWILIO_CONTENT_SIDS).length > 0) {
    const { broken, missing } = await checkContents(client, config, renderer);
    if (broken.length > 0) throw new Error(`TWILIO_CONTENT_SIDS does not fit what Twilio has: ${broken.join('; ')}`);
    if (missing.length > 0) logger.warn({ missing }, 'no approved template: sent as free text');
  }
  return createTwilioProvider({ client, config, renderer, onUnlisted: (text) => logger.warn({ text }, 'an error code that no table lists') });
}

@Module({
  controllers: [OccasionsController, OperationsController, ReceiptsController, RepliesController],
  providers: [
    ...infrastructure,
    ...delivering('WHATSAPP'),
    consuming(
      { stream: 'LOAN', durable: 'whatsapp', concurrency: 64 },
      { stream: 'SCHEDULER', durable: 'whatsapp-reminders', concurrency: 64 },
    ),
    { provide: SENDER, useFactory: (config: WhatsappConfig) => config.TWILIO_WHATSAPP_FROM, inject: [CONFIG] },
    { provide: PROVIDER, useFactory: openProvider, inject: [CONFIG, LOGGER] },
  ],
})
export class AppModule {}
