import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.ts';

/** Nest's own lines, in ours. Its start-up chatter is debug. */
export const nestLogger = (logger: Logger): LoggerService => {
  const line = (level: 'debug' | 'warn' | 'error' | 'trace' | 'fatal') => (message: unknown, ...rest: unknown[]) => {
    const context = rest.findLast((one) => typeof one === 'string' && !one.includes('\n'));
    logger[level]({ context, ...(message instanceof Error && { err: message }) }, message instanceof Error ? message.message : String(message));
  };
  return { log: line('debug'), debug: line('debug'), verbose: line('trace'), warn: line('warn'), error: line('error'), fatal: line('fatal') };
};
