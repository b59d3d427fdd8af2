import { useEffect, useRef } from 'preact/hooks';

const MORE = [
  ['/', 'search'],
  ['?', 'this list'],
  ['↑ ↓', 'rows of a table of sets, and sets on the time line'],
  ['Enter', 'open what has the focus'],
  ['← → ↑ ↓', 'cells of the heat map; with Shift ten at once'],
  ['PgUp PgDn Home End', 'further cells of the heat map'],
  ['Esc', 'close'],
] as const;

/** A modal list of keys; the browser keeps the focus inside and Esc closes it. */
export function Keys({
  pages,
  onClose,
}: {
  readonly pages: readonly { readonly key: string; readonly title: string }[];
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="keys" aria-label="Keys" onClose={onClose}>
      <h2>Keys</h2>
      <dl>
        {[...pages.map(({ key, title }) => [key, title] as const), ...MORE].map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
