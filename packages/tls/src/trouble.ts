/** What the words about a line to a server name: our settings. */
export interface LineSettings {
  /** Where the PEM file of the server's authority goes. Undefined = nowhere but where Node looks. */
  readonly ca: string | undefined;
  /** Where the server's name is. */
  readonly address: string;
  /** What to do when the server does not speak TLS. */
  readonly plain: string;
}

export interface TlsTrouble {
  /** Node's, e.g. `CERT_HAS_EXPIRED`. */
  readonly code: string;
  /** What is wrong and what to do about it. */
  readonly text: string;
}

interface TlsError {
  readonly message?: string;
  readonly code?: unknown;
  /** nodemailer puts a code of its own in front. */
  readonly originalCode?: unknown;
  /** OpenSSL's words without its numbers. */
  readonly reason?: string;
  readonly library?: string;
  readonly cause?: unknown;
}

/** Only what stays so until somebody changes a setting or a certificate: a line that breaks in the handshake is none of it. */
const remedies: readonly (readonly [codes: RegExp, remedy: (settings: LineSettings) => string])[] = [
  [/^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED)$/,
    ({ ca }) => `give the PEM file of the authority that signed the server's certificate in ${ca ? `${ca}, or in ` : ''}NODE_EXTRA_CA_CERTS`],
  [/^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, ({ address }) => `the server's certificate is for another name: use one that it is for in ${address}`],
  [/^(?:CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, () => "have the server's certificate renewed; if it is valid, this machine's clock is wrong"],
  [/^(?:CERT_\w+|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|UNABLE_TO_DECRYPT_CERT_SIGNATURE)$/, () => "have the server's certificate mended"],
  [/^(?:ERR_SSL_WRONG_VERSION_NUMBER|NO_TLS)$/, ({ plain }) => `the server does not speak TLS here: ${plain}`],
  [/^ERR_SSL_(?:UNSUPPORTED_PROTOCOL|NO_\w+|\w+_TOO_(?:SMALL|WEAK)|\w+_ALERT_(?:PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|UNKNOWN_CA|\w*CERTIFICATE\w*))$/,
    () => 'server and client do not agree on version, ciphers or certificates of TLS: bring the server up to date'],
];

const isNoTls = ({ message = '' }: TlsError): boolean => /does not support (?:SSL|'tls')|SSL routines:[^:]*:wrong version number/.test(message);

/** Why a line cannot be encrypted as it must be, where only a change of settings or certificates helps; undefined = it is something else. */
export function tlsTrouble(error: unknown, settings: LineSettings): TlsTrouble | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const given: TlsError = error;
  for (const code of [given.originalCode, given.code, isNoTls(given) && 'NO_TLS']) {
    const remedy = typeof code === 'string' && remedies.find(([codes]) => codes.test(code))?.[1];
    if (remedy) return { code, text: `${words(given)}: ${remedy(settings)}` };
  }
  return tlsTrouble(given.cause, settings);
}

// A certificate may be for a hundred names, which are all told.
const words = ({ message = '', reason, library }: TlsError): string => ((library && reason) || message.replace(/^[\s\S]*SSL routines:[^:]*:([^:]*):[\s\S]*$/, '$1').trim()).slice(0, 200);
