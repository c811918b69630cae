import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

/** A seal does not fit: it was altered, moved to another person, stream or field, or made under another key. */
export class PersonalDataTampered extends Error {
  override readonly name = 'PersonalDataTampered';
  readonly code = 'personal-data-tampered';
}

const IV = 12;
const TAG = 16;

// Asking the system for 12 bytes costs about as much as for 4 KB. Every part is used once.
const random = Buffer.allocUnsafeSlow(IV * 340);
let used = random.length;

function freshIv(): Buffer {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += IV;
  return Buffer.from(random.subarray(used - IV, used));
}

/** AES-256-GCM: iv, ciphertext, tag. `bound` is authenticated, not stored. */
export function encrypt(key: Buffer, plain: Uint8Array, bound: string): Buffer {
  const iv = freshIv();
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(bound));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws `PersonalDataTampered` when it was not made with this key and `bound`. */
export function decrypt(key: Buffer, sealed: Uint8Array, bound: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV), { authTagLength: TAG });
    decipher.setAAD(Buffer.from(bound));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    return Buffer.concat([decipher.update(sealed.subarray(IV, sealed.length - TAG)), decipher.final()]);
  } catch (cause) {
    throw new PersonalDataTampered('the seal does not fit', { cause });
  }
}

/** What a field's seal is bound to; moving it elsewhere breaks it. */
const binding = (keyId: string, subject: string, context: string, field: string): string => JSON.stringify([keyId, subject, context, field]);

export interface DataKey {
  /** Tells a seal made under an earlier, destroyed key of the same person from a broken one. */
  readonly id: string;
  readonly secret: Buffer;
}

export interface Place {
  readonly subject: string;
  readonly context: string;
  readonly field: string;
}

/** `1.<key id>.<base64url of iv, ciphertext, tag>` */
export const sealField = (key: DataKey, value: string, { subject, context, field }: Place): string =>
  `1.${key.id}.${encrypt(key.secret, Buffer.from(value), binding(key.id, subject, context, field)).toString('base64url')}`;

/** `undefined` when it was sealed under an earlier key of this person, which is gone. */
export function openField(key: DataKey, sealed: string, { subject, context, field }: Place): string | undefined {
  const [version, keyId, body] = sealed.split('.');
  if (version !== '1' || !keyId || !body) throw new PersonalDataTampered('not a seal of a known version');
  if (keyId !== key.id) return undefined;
  return decrypt(key.secret, Buffer.from(body, 'base64url'), binding(keyId, subject, context, field)).toString();
}
