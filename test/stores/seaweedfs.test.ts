import { seaweedfs } from '../support/stores/seaweedfs.ts';
import { testStore } from './suite.ts';

testStore(seaweedfs);
