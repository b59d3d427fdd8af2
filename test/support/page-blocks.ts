/** Title of each section of a page → its text. */
export function sectionsOf(page: string): Map<string, string> {
  const sections = page.split(/^## /m).slice(1);
  return new Map(sections.map((text) => [text.slice(0, text.indexOf('\n')), text]));
}

/** The blocks of a page in this language, in their order. */
export function blocksOf(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map(([, block = '']) => block);
}
