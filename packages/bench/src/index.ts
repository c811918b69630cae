export { logQueries } from './log-queries.ts';
