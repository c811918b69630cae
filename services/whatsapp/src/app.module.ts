import { createHash } from 'node:crypto';
import { Module } from '@nestjs/common';
import type { DeliveryDependencies, Provider } from '@rappel/notification';
import { DELIVERY, delivering, OccasionsController, OperationsController, PROVIDER, SENDER } from '@rappel/notification/nest';
import type { Pool } from '@rappel/postgres';
import { createAddressBook } from '@rappel/privacy';
import { CONFIG, consuming, infrastructure, LOGGER, POOL, SHUTDOWN, type Logger, type Shutdown } from '@rappel/service-kit';
import { createRenderer } from '@rappel/templates';
import { createTwilioClient } from './client.ts';
import type { WhatsappConfig } from './config.ts';
import { checkContents } from './content-check.ts';
import { createPhoneBook, type PhoneBook } from './phone-book.ts';
import { ReceiptsController } from './receipts.controller.ts';
import { RepliesController } from './replies.controller.ts';
import { PHONE_BOOK } from './tokens.ts';
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

const CATCH_UP_MS = 60_000;

/** Follows the borrowers from afar, so that a reply after a large import is not the one that reads them all. */
function openPhoneBook(...[delivery, pool, config, logger, shutdown]: [DeliveryDependencies, Pool, WhatsappConfig, Logger, Shutdown]): PhoneBook {
  // Places in one store mean nothing in another; who logs in, and how, makes it no other.
  const store = createHash('sha256').update((config.EVENT_STORE_URL ?? config.DATABASE_URL).replace(/\/\/[^@]*@/, '//')).digest('hex').slice(0, 16);
  const addresses = createAddressBook({ pool, name: `whatsapp ${store}`, masterKey: config.RAPPEL_MASTER_KEY });
  const book = createPhoneBook({ store: delivery.store, open: delivery.open, country: config.RAPPEL_DEFAULT_COUNTRY, addresses });
  const catchUp = (): void => { book.catchUp().catch((err: unknown) => logger.warn({ err }, 'the phone book could not be brought up to date: the next reply does')); };
  const timer = setInterval(catchUp, CATCH_UP_MS);
  shutdown.add('intake', 'phone book', () => clearInterval(timer));
  catchUp();
  return book;
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
    { provide: PHONE_BOOK, useFactory: openPhoneBook, inject: [DELIVERY, POOL, CONFIG, LOGGER, SHUTDOWN] },
  ],
})
export class AppModule {}
