import { handlerOf } from './jobs.ts';

export const handler = handlerOf('request-replication', 'plan-task', 'run-slice', 'advance-task');
