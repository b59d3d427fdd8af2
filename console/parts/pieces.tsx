import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ConsoleSet } from '../../functions/serve/console/api.ts';
import type { Failure } from '../base/api.ts';

/** A shape besides the colour, for readers that see no difference between red and green. */
const SHAPES: Readonly<Record<string, string>> = {
  complete: '●',
  restored: '●',
  done: '●',
  sealed: '●',
  shipped: '●',
  open: '◐',
  running: '◐',
  working: '◐',
  shipping: '◐',
  waiting: '○',
  notice: '○',
  overdue: '▲',
  warning: '▲',
  stalled: '▲',
  incomplete: '◆',
  critical: '◆',
  failed: '◆',
  refused: '◆',
  damaged: '■',
  unreadable: '■',
  unknown: '■',
  expired: '○',
  started: '◐',
  forged: '■',
  unproven: '■',
  lost: '■',
};

export function Chip({ state, text }: { readonly state: string; readonly text?: string }) {
  return (
    <span class={`chip ${state}`}>
      <span aria-hidden="true">{SHAPES[state] ?? '○'}</span> {text ?? state}
    </span>
  );
}

/** Neither complete nor damaged, and not unreadable: it is still being written, or failed. */
export const isUnfinished = ({ sealedAt, state }: ConsoleSet): boolean =>
  sealedAt === undefined && state !== 'damaged' && state !== 'unknown';

export const stateOf = (set: ConsoleSet): string =>
  set.expiredSince === undefined ? set.state : 'expired';

export function FailureBox({
  failure,
  what,
}: {
  readonly failure: Failure;
  readonly what?: string | undefined;
}) {
  return (
    <div class="failure" role="alert">
      <strong>{failure.message}</strong>
      {what !== undefined && <div class="muted">{what}</div>}
      {failure.hint !== undefined && <div>{failure.hint}</div>}
      <code>{failure.code}</code>
    </div>
  );
}

const COPIED_MS = 1500;

/** A command line with a button that copies it. */
export function Command({ line }: { readonly line: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <span class="command">
      <code>{line}</code>
      <button
        type="button"
        class="quiet"
        aria-label={`Copy: ${line}`}
        onClick={() => {
          void copy(line).then(setCopied);
        }}
      >
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}

/** The clipboard needs HTTPS or localhost; elsewhere the older way, which needs a selection. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    const isDone = document.execCommand('copy');
    field.remove();
    return isDone;
  }
}

export function Figure({
  label,
  children,
  note,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly note?: string | undefined;
}) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        {children}
        {note !== undefined && <small>{note}</small>}
      </dd>
    </div>
  );
}

/** A share of a whole, with the number beside it for readers that do not see it. */
export function Bar({ share, state }: { readonly share: number; readonly state: string }) {
  const bounded = Math.min(1, Math.max(0, share));
  return (
    <svg class={`bar ${state}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width="100" height="8" />
      <rect class="fill" width={bounded * 100} height="8" />
    </svg>
  );
}
