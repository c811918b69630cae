export { createDatabase, startPostgres, type PostgresOptions, type PostgresServer } from './postgres.ts';
export { startNats, type NatsOptions, type NatsServer } from './nats.ts';
