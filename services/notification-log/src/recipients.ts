import type { Clock } from '@rappel/contracts';
import { maskAddress, REDACTED, type Vault } from '@rappel/privacy';
import type { LogRow } from '@rappel/read-model';

/** Opens recipients for one reader at the moment of reading; the log itself never holds one in the clear. */
export type Recipients = (rows: readonly LogRow[], personal: boolean) => Promise<(string | null)[]>;

export interface RecipientsOptions {
  readonly vault: Vault;
  readonly clock: Clock;
  /** Days after which a recipient reads `[REDACTED]`, however late the job is that takes it out of the log. */
  readonly days: number;
}

export function createRecipients({ vault, clock, days }: RecipientsOptions): Recipients {
  return async (rows, personal) => {
    const oldest = new Date(Date.parse(clock.now()) - days * 86_400_000).toISOString();
    return Promise.all(rows.map(async ({ recipient, requestedAt }) => {
      if (!recipient) return null;
      if (requestedAt < oldest) return REDACTED;
      const opened = await vault.open(recipient);
      if (opened.state !== 'open') return REDACTED;
      const address = opened.fields['recipient'];
      return address === undefined ? null : personal ? address : maskAddress(address);
    }));
  };
}
