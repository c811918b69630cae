import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';

export const scopes = ['loans:write', 'log:read', 'personal:read', 'ops', 'admin'] as const;
export type Scope = (typeof scopes)[number];
export const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);

/** Who is calling. `actor` goes into events as `metadata.actor`; it never holds a person's name or address. */
export interface CallerIdentity {
  readonly actor: string;
  readonly scopes: readonly Scope[];
}

export const SCOPES = 'rappel:scopes';

/** Who may call an endpoint: a caller with one of these scopes; with none named, any caller with a valid token. */
export const Scopes = (...wanted: Scope[]) => SetMetadata(SCOPES, wanted);

/** Nobody is asked for a token: health, pages without data, and webhooks that check a signature themselves. */
export const Public = () => SetMetadata(SCOPES, 'public');

/** The `CallerIdentity` of the request. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): CallerIdentity =>
  context.switchToHttp().getRequest<{ caller: CallerIdentity }>().caller);

export const hasScope = (caller: CallerIdentity, scope: Scope): boolean => caller.scopes.includes(scope);
