import type { Personal } from '@rappel/event-store';

/** Seals and opens personal fields, one data key per person, wrapped by the master key. */
export interface Vault {
  /**
   * Seals under the person's key (made at first use), bound to person, `context` (the stream) and field. Batched and cached.
   * `erased` when the person was forgotten. What is sealed or erased already is given back as it is.
   */
  seal(personal: Personal, context: string): Promise<Personal>;
  /** Opens; `erased` when the person's key is gone. Rejects with `PersonalDataTampered` when a seal does not fit. */
  open(personal: Personal): Promise<Personal>;
  /** Like `seal`, for bytes of any kind (dead letters). `undefined` when the person was forgotten: store nothing then. */
  sealBytes(plain: Uint8Array, place: { subject: string; context: string }): Promise<Uint8Array | undefined>;
  /** Opens what `sealBytes` made; `undefined` when the key is gone. Rejects with `PersonalDataTampered` for anything else. */
  openBytes(sealed: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * Destroys the person's key: nothing sealed under it can be opened again, and nothing new is sealed for them.
   * Other processes may still open from their cache for `cacheMs`. Idempotent.
   */
  forget(subject: string): Promise<void>;
  /** The person gave their data anew: the next `seal` makes a new key. What was erased stays erased. */
  readmit(subject: string): Promise<void>;
  /** Those of these people who have a key. */
  held(subjects: readonly string[]): Promise<string[]>;
  /** Destroys keys that were kept long enough; these people may come back at any time. Returns how many there were. */
  expire(subjects: readonly string[]): Promise<number>;
  /** Destroys the day keys of dead letters about nobody in particular, of days before this one (`YYYY-MM-DD`). Returns how many. */
  expireDeadLetters(beforeDay: string): Promise<number>;
  /** Wraps data keys that hang on an older master key under the current one. No event changes. Returns how many. */
  rewrap(): Promise<number>;
}
