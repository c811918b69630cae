import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { isScope } from './scopes.ts';
import type { CallerIdentity } from './scopes.ts';

export interface JwtSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** Unknown key ids make nobody fetch the keys more often than this. Default 5000 real ms. */
  readonly cooldownMs?: number;
}

const words = (claim: unknown): string[] => {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];
};

const identity = ({ sub, scope, scp, permissions }: JWTPayload): CallerIdentity => ({
  actor: `oidc:${(sub ?? 'unknown').replaceAll(/[^\w.:|-]/g, '_').slice(0, 80)}`,
  scopes: [...words(scope), ...words(scp), ...words(permissions)].filter(isScope),
});

/**
 * Answers who holds a JWT of this issuer for this audience, or `undefined`. Only asymmetric signatures, an expiry is a must;
 * scopes come from `scope`, `scp` or `permissions`. The key set is fetched once and again when an unknown key id comes.
 */
export function createJwtCheck({ issuer, audience, jwksUrl, cooldownMs = 5000 }: JwtSettings): (token: string) => Promise<CallerIdentity | undefined> {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: cooldownMs });
  const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms, requiredClaims: ['exp'], clockTolerance: 5 });
      return identity(payload);
    } catch {
      return undefined;
    }
  };
}
