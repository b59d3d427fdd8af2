import { handlerOf } from './jobs.ts';

export const handler = handlerOf('replicate', 'plan-slices', 'do-slice', 'fold-slices');
