import { versitygw } from '../support/stores/versitygw.ts';
import { testStore } from './suite.ts';

testStore(versitygw);
