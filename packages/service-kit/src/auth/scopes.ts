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
