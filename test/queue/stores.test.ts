import { MemoryTaskStore } from '../../src/queue/stores/memory.js';
import { testTaskStore } from './store-contract.js';

testTaskStore('memory', () => Promise.resolve(new MemoryTaskStore()));
