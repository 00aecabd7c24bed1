import { describe, expect, test } from '@jest/globals';
import { type NewSubmission, submitMessage } from '../../src/client/submitted/submit-message.js';
import { functionId } from '../../src/core/ids.js';

const common = { functionId: 'f', name: 'n' };
const fn = { id: functionId('f'), source: '', name: '', parts: [], preview: '' };

let count = 0;
function task(bytes: number, more: Partial<NewSubmission> = {}): NewSubmission {
  const args = { encoding: 'V8' as const, data: Buffer.alloc(bytes) };
  return { common, id: `t${++count}`, args, preview: '', fn, ...more };
}

describe('tasks that go in one message', () => {
  test('share what they have in common, as far as they follow one another', () => {
    const tasks = [task(3), task(4), task(5, { common: { ...common } }), task(6)];
    const { request, single } = submitMessage(tasks, true);
    expect(request.alike).toMatchObject([
      { common, taskIds: tasks.slice(0, 2).map(({ id }) => id), lengths: [3, 4] },
    ]);
    expect(single).toEqual(tasks.slice(2));
    expect(request.tasks?.map(({ taskId }) => taskId)).toEqual(single.map(({ id }) => id));
  });

  test('are each by themselves where their arguments are large, which together could be too large', () => {
    const tasks = [task(10), task(1024 * 1024), task(10)];
    expect(submitMessage(tasks, true)).toMatchObject({ request: { alike: [] }, single: tasks });
  });

  test('and all of them where the other side knows nothing else', () => {
    const tasks = [task(10), task(10)];
    expect(submitMessage(tasks, false)).toMatchObject({ request: { alike: [] }, single: tasks });
  });
});
