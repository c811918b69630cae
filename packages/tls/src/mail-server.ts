/** Settings of a mail server that decide how it is spoken to. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. Default: on port 465. */
  readonly secure?: boolean | undefined;
  /** Whether there is a login. */
  readonly login: boolean;
  /** TLS or nothing. Default: where there is a login and the server is not this machine. */
  readonly requireTls?: boolean | undefined;
  /** PEM of the authorities that are trusted. Default: those that Node trusts. */
  readonly ca?: string | undefined;
}

const isThisMachine = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);

/**
 * What nodemailer takes: STARTTLS where it is offered, or insisted on. The certificate is checked, but for one case: a server on this
 * machine that offers STARTTLS and could as well be spoken to in clear; its certificate is rarely one for `localhost`.
 */
export function mailEncryption({ host, port, secure = port === 465, login, requireTls, ca }: MailServer) {
  const isLocal = isThisMachine(host);
  const requireTLS = requireTls ?? (login && !isLocal);
  return { secure, requireTLS, tls: { ...(ca !== undefined && { ca }), rejectUnauthorized: secure || requireTLS || !isLocal || ca !== undefined } };
}
