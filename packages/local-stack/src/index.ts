export { createDatabase, startPostgres, type PostgresOptions, type PostgresServer } from './postgres.ts';
export { startNats, type NatsOptions, type NatsServer } from './nats.ts';
export { startInbox, type Inbox, type InboxOptions } from './inbox/inbox.ts';
export type { InboxSettings } from './inbox/failures.ts';
export type { ReceivedMail } from './inbox/mails.ts';
export { startTwilioSimulator, type TwilioSimulator, type TwilioSimulatorOptions } from './twilio/simulator.ts';
export { magicNumber, type Behaviour, type Settings as TwilioSettings } from './twilio/behaviour.ts';
export type { AcceptedMessage } from './twilio/messages.ts';
