import { createLogger, loadConfig, runService, STRATEGY } from '@rappel/service-kit';
import { AppModule } from './app.module.ts';
import { emailConfig } from './config.ts';

const config = loadConfig(emailConfig);
await runService({
  name: 'email',
  module: AppModule,
  config,
  logger: createLogger('email', config),
  strategies: (app) => [app.get(STRATEGY)],
});
