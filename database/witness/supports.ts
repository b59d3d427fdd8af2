import type { FlavourName } from '../flavours.ts';
import { greenplumWitnesses } from '../greenplum/witnesses.ts';
import { shardsWitnesses } from '../shards/witnesses.ts';
import type { WitnessSupport } from './provider.ts';

/** What each flavour has of witnesses: `flavour.ts` cannot name it without a circle of imports. */
export const WITNESSES: Readonly<Record<FlavourName, WitnessSupport>> = {
  shards: shardsWitnesses,
  greenplum: greenplumWitnesses,
};
