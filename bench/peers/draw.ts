// Draws the last run of `npm run bench:peers` again.
import { drawPeers } from './chart.js';

console.log(`wrote ${(await drawPeers('profiling/peers.csv')).join(', ')}`);
