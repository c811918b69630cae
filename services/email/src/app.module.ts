import { Module } from '@nestjs/common';
import { delivering, OccasionsController, OperationsController, PROVIDER, publicAddress, SENDER } from '@rappel/notification/nest';
import { CONFIG, consuming, infrastructure, SHUTDOWN, type Shutdown } from '@rappel/service-kit';
import { createRenderer } from '@rappel/templates';
import { BouncesController } from './bounces.controller.ts';
import type { EmailConfig } from './config.ts';
import { FallbackController } from './fallback.controller.ts';
import { createSmtpProvider } from './smtp.ts';
import { UNSUBSCRIBE } from './tokens.ts';
import { UnsubscribeController } from './unsubscribe.controller.ts';
import { createUnsubscribeLinks, type UnsubscribeLinks } from './unsubscribe.ts';

function openProvider(config: EmailConfig, links: UnsubscribeLinks, shutdown: Shutdown): ReturnType<typeof createSmtpProvider> {
  const provider = createSmtpProvider({
    config,
    renderer: createRenderer({ templatesDir: config.RAPPEL_TEMPLATES_DIR }),
    unsubscribeUrl: (borrowerId) => config.PUBLIC_URL && publicAddress(config.PUBLIC_URL, `/unsubscribe/${links.token(borrowerId)}`),
  });
  shutdown.add('relays', 'SMTP', () => provider.close());
  return provider;
}

@Module({
  controllers: [BouncesController, OccasionsController, FallbackController, OperationsController, UnsubscribeController],
  providers: [
    ...infrastructure,
    ...delivering('EMAIL'),
    consuming(
      { stream: 'LOAN', durable: 'email', concurrency: 64 },
      { stream: 'SCHEDULER', durable: 'email-reminders', concurrency: 64 },
      // One subject each, so that the server sorts out all the messages that were sent.
      { stream: 'NOTIFICATION', durable: 'email-fallback', subjects: ['notification.given-up.*'], concurrency: 64 },
      { stream: 'NOTIFICATION', durable: 'email-undelivered', subjects: ['notification.delivery.*'], concurrency: 64 },
    ),
    { provide: SENDER, useFactory: (config: EmailConfig) => `email:${config.SMTP_FROM}`, inject: [CONFIG] },
    { provide: UNSUBSCRIBE, useFactory: (config: EmailConfig) => createUnsubscribeLinks(config.RAPPEL_MASTER_KEY), inject: [CONFIG] },
    { provide: PROVIDER, useFactory: openProvider, inject: [CONFIG, UNSUBSCRIBE, SHUTDOWN] },
  ],
})
export class AppModule {}
