import { seaweedfs } from '../support/stores/seaweedfs.ts';
import { testStore } from './suite.ts';

// A new bucket takes this server seconds: `npm test` tries the locks on the others.
testStore(seaweedfs, { locks: false });
