import { handlerOf } from './jobs.ts';

export const handler = handlerOf('extend-retention');
