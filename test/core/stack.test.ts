import { describe, expect, test } from '@jest/globals';
import {
  callerFrames,
  type CompiledFile,
  continueStack,
  moduleFileName,
  showWritten,
  taskFileName,
} from '../../src/core/stack.js';

const ID = 'abcdef0123456789';
const FILE = `/somewhere (odd)/${taskFileName(ID)}`;
const asTask = (placeOf: CompiledFile['placeOf'], id = ID) => [{ name: taskFileName(id), placeOf }];
const isOwn = (frame: string) => frame.includes('/lib/');

const THROWN = `TypeError: not at all
    at home, in two lines
    at inner (${FILE}:2:5)
    at JSON.parse (<anonymous>)
    at async ${FILE}:4:1
    at AsyncLocalStorage.run (node:async_hooks:346:14)
    at run (file:///lib/worker.js:1:1)`;

describe('the places where a function is written', () => {
  test('stand in its frames, and what lies behind the first of them is left out', () => {
    const stack = showWritten(
      THROWN,
      asTask((line, column) => ({ file: 'src/a.ts', line: line + 10, column })),
    );
    expect(stack.split('\n').slice(2)).toEqual([
      '    at inner (src/a.ts:12:5)',
      '    at JSON.parse (<anonymous>)',
      '    at async src/a.ts:14:1',
    ]);
  });

  test('are those in the function itself where nobody knows better', () => {
    const own = [
      `    at inner (${taskFileName(ID)}:2:5)`,
      '    at JSON.parse (<anonymous>)',
      `    at async ${taskFileName(ID)}:4:1`,
    ];
    const unknown = asTask(() => undefined);
    for (const files of [[], unknown]) expect(showWritten(THROWN, files).split('\n').slice(2)).toEqual(own);
  });

  test('are not looked for in the frames of another function', () => {
    const asked: number[] = [];
    showWritten(
      THROWN,
      asTask((line) => void asked.push(line), 'ffffffffffffffff'),
    );
    expect(asked).toEqual([]);
  });

  test('a stack without frames, or no stack at all, stays as it is', () => {
    for (const stack of ['', 'Error: only words', 'Error\n    in lines']) {
      expect(
        showWritten(
          stack,
          asTask(() => undefined),
        ),
      ).toBe(stack);
    }
  });

  test('stand in the frames of each file that came with it, whatever that is called', () => {
    const module = moduleFileName('fedcba9876543210', 'a+b (1).ts');
    const stack = `Error: x\n    at deep (/w/${module}:9:3)\n    at ${FILE}:1:5\n    at run (/lib/w.js:1:1)`;
    const files = [
      ...asTask((line, column) => ({ file: 'main.ts', line, column })),
      { name: module, placeOf: () => ({ file: 'deep.ts', line: 2, column: 1 }) },
    ];
    expect(showWritten(stack, files)).toBe('Error: x\n    at deep (deep.ts:2:1)\n    at main.ts:1:5');
  });
});

describe('where a call was made', () => {
  const CAUGHT = `Error
    at nameCaller (/lib/stack.js:1:1)
    at async Pool.run (/lib/pool.js:2:2)
    at async main (/app/main.js:3:3)
    at async /app/main.js:4:4`;
  const CALLER = ['    at async main (/app/main.js:3:3)', '    at async /app/main.js:4:4'];

  test('is what comes behind the library', () => {
    expect(callerFrames(CAUGHT, isOwn)).toEqual(CALLER);
    expect(callerFrames('Error\n    at x (/lib/a.js:1:1)', isOwn)).toEqual([]);
  });

  test('comes behind the frames of the function, in place of the library’s', () => {
    const stack =
      'Error: x\n    at f (/app/f.js:1:1)\n    at g (/lib/b.js:1:1)\n    at node:internal/timers:5:1';
    expect(continueStack(stack, CALLER, isOwn)).toBe(
      ['Error: x', '    at f (/app/f.js:1:1)', ...CALLER].join('\n'),
    );
  });

  test('is all that an error of the library itself has to tell', () => {
    const stack = 'PoolError: x\n    at errorOf (/lib/b.js:1:1)\n    at h (/other/grpc.js:1:1)';
    expect(continueStack(stack, CALLER, isOwn)).toBe(['PoolError: x', ...CALLER].join('\n'));
  });
});
