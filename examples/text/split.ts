export function split(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
