import { createLogger, loadConfig, runService, STRATEGY } from '@rappel/service-kit';
import { AppModule } from './app.module.ts';
import { schedulerConfig } from './config.ts';

const config = loadConfig(schedulerConfig);
await runService({
  name: 'scheduler',
  module: AppModule,
  config,
  logger: createLogger('scheduler', config),
  strategies: (app) => [app.get(STRATEGY)],
});
