import { createLogger, loadConfig, runService, STRATEGY } from '@rappel/service-kit';
import { AppModule } from './app.module.ts';
import { loanConfig } from './config.ts';

const config = loadConfig(loanConfig);
await runService({
  name: 'loan',
  module: AppModule,
  config,
  logger: createLogger('loan', config),
  strategies: (app) => [app.get(STRATEGY)],
});
