import type { Personal } from '@rappel/event-store';

/** Seals and opens personal fields, one data key per person, wrapped by the master key. */
export interface Vault {
  /** Seals under the person's key (made at first use), bound to person, `context` (the stream) and field. Batched and cached. */
  seal(personal: Personal, context: string): Promise<Personal>;
  /** Opens; `erased` when the person's key is gone. Rejects with `PersonalDataTampered` when a seal does not fit. */
  open(personal: Personal): Promise<Personal>;
  /** Destroys the person's key: nothing sealed under it can be opened again. Idempotent. */
  forget(subject: string): Promise<void>;
}
