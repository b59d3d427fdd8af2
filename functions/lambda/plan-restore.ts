import { handlerOf } from './jobs.ts';

export const handler = handlerOf('plan-restore');
