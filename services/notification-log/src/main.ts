import { createLogger, loadConfig, runService } from '@rappel/service-kit';
import { AppModule } from './app.module.ts';
import { logConfig } from './config.ts';

const config = loadConfig(logConfig);
await runService({ name: 'notification-log', module: AppModule, config, logger: createLogger('notification-log', config) });
