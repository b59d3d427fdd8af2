import { minio } from '../support/stores/minio.ts';
import { testStore } from './suite.ts';

testStore(minio);
