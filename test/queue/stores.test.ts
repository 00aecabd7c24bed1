import { afterAll } from '@jest/globals';
import { FileTaskStore } from '../../src/queue/stores/file.js';
import { MemoryTaskStore } from '../../src/queue/stores/memory.js';
import { temporaryFolder } from '../client/support.js';
import { testClaims } from './store-contract-claims.js';
import { testTaskStore } from './store-contract.js';
import { THREAD } from './tasks.js';

const openMemory = () => Promise.resolve(new MemoryTaskStore());
testTaskStore('memory', openMemory);
testClaims('memory', openMemory);

const folders: { remove: () => void }[] = [];
afterAll(() => folders.forEach((folder) => folder.remove()));

const openFile = () => {
  const folder = temporaryFolder();
  folders.push(folder);
  return FileTaskStore.open(folder.path, THREAD);
};
testTaskStore('file', openFile);
testClaims('file', openFile);
