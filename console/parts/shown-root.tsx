import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type NamedRoot, onRoot } from '../command/restore-line.ts';
import { Command } from './pieces.tsx';

/** The root that the page shows. */
export const ShownRoot = createContext<NamedRoot>({ id: 0, url: '' });

/** Makes command lines for the root that the page shows. */
export function useOnRoot(): (line: string) => string {
  const root = useContext(ShownRoot);
  return (line) => onRoot(line, root);
}

/** A command line for the root that the page shows. */
export function RootCommand({ line }: { readonly line: string }) {
  return <Command line={useOnRoot()(line)} />;
}
