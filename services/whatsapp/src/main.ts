import { createLogger, loadConfig, runService, STRATEGY } from '@rappel/service-kit';
import { AppModule } from './app.module.ts';
import { whatsappConfig } from './config.ts';

const config = loadConfig(whatsappConfig);
await runService({
  name: 'whatsapp',
  module: AppModule,
  config,
  logger: createLogger('whatsapp', config),
  strategies: (app) => [app.get(STRATEGY)],
});
