export { benchLogQueries, type LogQueryRow } from './log-queries.ts';
