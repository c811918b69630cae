/** What a masked or erased field reads. */
export const REDACTED = '[REDACTED]';

const first = (text: string): string => [...text][0] ?? '';

/** `marie.durand@example.org` → `m***@e***.org`; anything else → `***`. */
export function maskEmail(email: string): string {
  const [, name, domain, top] = /^([^@]+)@([^@]+)\.([A-Za-z]{2,})$/u.exec(email) ?? [];
  return name && domain && top ? `${first(name)}***@${first(domain)}***.${top}` : '***';
}

/** `+33612345678` → `+33******78`; anything shorter than six digits → `***`. */
export function maskPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  if (digits.length < 6) return '***';
  return `${phone.trim().startsWith('+') ? '+' : ''}${digits.slice(0, 2)}${'*'.repeat(digits.length - 4)}${digits.slice(-2)}`;
}

/** `Marie Durand` → `M. D.` */
export const maskName = (name: string): string => name.split(/\s+/u).filter((part) => part !== '').map((part) => `${first(part)}.`).join(' ') || '***';

/** Masks an address of either kind. */
export const maskAddress = (address: string): string => (address.includes('@') ? maskEmail(address) : maskPhone(address));
