/** Where the dashboard is, as it is built. Said here, one folder deep, since it holds for whatever this is bundled into. */
export const PAGE = new URL('../web/', import.meta.url);
