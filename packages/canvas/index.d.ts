// Only what the types of chartjs-node-canvas mention.
export declare function createCanvas(width: number, height: number, type?: 'pdf' | 'svg'): unknown;
export declare function registerFont(
  path: string,
  options: { family: string; weight?: string; style?: string },
): void;
export declare class Image {}
