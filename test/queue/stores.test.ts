import { afterAll } from '@jest/globals';
import { FileTaskStore } from '../../src/queue/stores/file.js';
import { MemoryTaskStore } from '../../src/queue/stores/memory.js';
import { temporaryFolder } from '../client/support.js';
import { testTaskStore } from './store-contract.js';
import { THREAD } from './tasks.js';

testTaskStore('memory', () => Promise.resolve(new MemoryTaskStore()));

const folders: { remove: () => void }[] = [];
afterAll(() => folders.forEach((folder) => folder.remove()));

testTaskStore('file', () => {
  const folder = temporaryFolder();
  folders.push(folder);
  return FileTaskStore.open(folder.path, THREAD);
});
