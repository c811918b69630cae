/** What a token may allow. None implies another. */
export const scopes = ['loans:write', 'log:read', 'personal:read', 'ops', 'admin'] as const;
export type Scope = (typeof scopes)[number];
export const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);

/** Who is calling. `actor` goes into events as `metadata.actor`; it never holds a person's name or address. */
export interface CallerIdentity {
  readonly actor: string;
  readonly scopes: readonly Scope[];
}
export const hasScope = (caller: CallerIdentity, scope: Scope): boolean => caller.scopes.includes(scope);
