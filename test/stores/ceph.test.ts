import { describe } from 'vitest';
import { withoutCeph } from '../support/e2e/place.ts';
import { ceph } from '../support/stores/ceph.ts';
import { testStore } from './suite.ts';

// `test/contract` runs the contract on it.
describe.skipIf(withoutCeph)('Ceph', () => testStore(ceph, { contract: false }));
