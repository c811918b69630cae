import { ForbiddenException, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { createApiKeyCheck, createJwtCheck, scopes as everyScope } from '@rappel/auth';
import type { CallerIdentity, Scope } from '@rappel/auth';
import type { Pool } from '@rappel/postgres';
import type { BaseConfig } from '../base-config.ts';
import { SCOPES } from './scopes.ts';

interface Asked { headers: { authorization?: string }; caller?: CallerIdentity; stillAllowed?: () => Promise<boolean> }
type Wanted = readonly Scope[] | 'public' | undefined;

const wantedBy = (context: ExecutionContext): Wanted =>
  (Reflect.getMetadata(SCOPES, context.getHandler()) ?? Reflect.getMetadata(SCOPES, context.getClass())) as Wanted;

/** Answers whose token this is: a `rpl_…` API key, else a JWT when OIDC is configured. */
export function createAuthenticator(pool: Pool, config: BaseConfig): (token: string) => Promise<CallerIdentity | undefined> {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_JWKS_URL: jwksUrl } = config;
  const apiKey = createApiKeyCheck(pool);
  const jwt = issuer && audience && jwksUrl ? createJwtCheck({ issuer, audience, jwksUrl }) : undefined;
  return async (token) => (token.startsWith('rpl_') ? apiKey(token) : jwt?.(token));
}

/** Closed by default: an endpoint that names neither scopes nor `@Public()` answers 403 to everybody. */
export function createScopeGuard(authenticate: (token: string) => Promise<CallerIdentity | undefined>): CanActivate {
  return {
    async canActivate(context) {
      const wanted = wantedBy(context);
      if (wanted === 'public') return true;
      const request = context.switchToHttp().getRequest<Asked>();
      const [, token] = /^Bearer ([\w.~+/=-]{1,4096})$/i.exec(request.headers.authorization ?? '') ?? [];
      const caller = token ? await authenticate(token) : undefined;
      if (!caller) throw new UnauthorizedException('a valid bearer token is needed');
      if (!wanted) throw new ForbiddenException('this endpoint is open to nobody');
      if (wanted.length > 0 && !wanted.some((scope) => caller.scopes.includes(scope))) throw new ForbiddenException(`scope needed: ${wanted.join(' or ')}`);
      request.caller = caller;
      request.stillAllowed = async () => {
        const now = await authenticate(token!);
        return now !== undefined && caller.scopes.every((scope) => now.scopes.includes(scope));
      };
      return true;
    },
  };
}

/** `RAPPEL_AUTH=off`: everybody may do everything. `loadConfig` refuses it in production. */
export const openGuard: CanActivate = {
  canActivate(context) {
    Object.assign(context.switchToHttp().getRequest<Asked>(), { caller: { actor: 'nobody', scopes: everyScope }, stillAllowed: async () => true });
    return true;
  },
};
