import type { EventEmitter } from 'node:events';
import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { CallerIdentity, Scope } from '@rappel/auth';

export const SCOPES = 'rappel:scopes';

/** Who may call an endpoint: a caller with one of these scopes; with none named, any caller with a valid token. */
export const Scopes = (...wanted: Scope[]) => SetMetadata(SCOPES, wanted);

/** Nobody is asked for a token: health, pages without data, and webhooks that check a signature themselves. */
export const Public = () => SetMetadata(SCOPES, 'public');

/** The `CallerIdentity` of the request. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): CallerIdentity =>
  context.switchToHttp().getRequest<{ caller: CallerIdentity }>().caller);

const LOOK_EVERY_MS = 1000;

/**
 * For answers that go on: an `AbortSignal` for when the caller has gone, or their token is revoked or has expired. Looks every second;
 * a revoked key is known within five.
 */
export const Gone = createParamDecorator((_: unknown, context: ExecutionContext): AbortSignal => {
  const { raw, stillAllowed } = context.switchToHttp().getRequest<{ raw: EventEmitter; stillAllowed: () => Promise<boolean> }>();
  const gone = new AbortController();
  // While the database is away nobody can be asked, and nothing is told either.
  const look = async () => { if (!await stillAllowed()) gone.abort(); };
  const timer = setInterval(() => { look().catch(() => undefined); }, LOOK_EVERY_MS).unref();
  gone.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  raw.once('close', () => gone.abort());
  return gone.signal;
});
