import { expect, test } from '@jest/globals';
import { parseProfile } from '../../src/grapher/profile.js';
import { rowsFrom } from '../../web/src/profile-rows.js';

test('the page reads a profile as the grapher does', () => {
  const csv =
    'time_s,worker,busy,busy_fraction,completed,failed,cpu_percent,rss_bytes\n' +
    '0.100,worker-1,1,0.5000,3,0,97.5,50000000\n' +
    '0.100,worker-2,0,1.0100,0,1,,\n';
  expect(rowsFrom(csv)).toEqual(parseProfile(csv, 'results_2.csv'));
  expect(rowsFrom(csv.split('\n', 1).join())).toEqual([]);
});
