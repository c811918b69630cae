export { hasScope, scopes, type CallerIdentity, type Scope } from './scopes.ts';
export { createApiKey, createApiKeyCheck, listApiKeys, revokeApiKey, type ApiKey, type NewApiKey } from './api-keys.ts';
export { createJwtCheck, type JwtSettings } from './jwt.ts';
export { ensureLocalKey } from './local-key.ts';
export { migrateAuth } from './migrations.ts';
