/**
 * A script with a pool of its own: `startPool` starts the workers, `await using` ends them with the script.
 *
 *     npm run example examples/start-pool.ts           # by itself: no server needed
 */
import assert from 'node:assert/strict';
import { startPool } from 'offhand';

/** How many of so many games of dice end above 20 points; the seed makes every run the same. */
function play(seed: number, games: number): number {
  let state = seed;
  const roll = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 1 + Math.floor((state / 2 ** 32) * 6);
  };
  let won = 0;
  for (let game = 0; game < games; game++) {
    let points = 0;
    for (let die = 0; die < 5; die++) points += roll();
    if (points > 20) won += 1;
  }
  return won;
}

const GAMES = 500_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

await using pool = await startPool({ workers: 2 });
const wins = await Promise.all(SEEDS.map((seed) => pool.run(play, seed, GAMES)));
const share = wins.reduce((sum, won) => sum + won, 0) / (SEEDS.length * GAMES);
console.log(`won ${(share * 100).toFixed(1)} % of ${(SEEDS.length * GAMES).toLocaleString('en')} games`);

// Five dice give more than 20 points in 1,722 of 7,776 throws.
assert.ok(Math.abs(share - 1_722 / 7_776) < 0.002, `expected about ${((1_722 / 7_776) * 100).toFixed(1)} %`);
assert.equal(wins[0], play(1, GAMES), 'a worker counts as this process does');
