import { useId } from 'preact/hooks';

/** A few exclusive options in a row: radio buttons, so that arrow keys work as everywhere. */
export function Choice<Key extends string>({
  label,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly options: Readonly<Record<Key, string>>;
  readonly value: Key;
  readonly onChange: (value: Key, at: number) => void;
}) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="sr">{label}</legend>
      {(Object.entries(options) as [Key, string][]).map(([key, title]) => (
        <label key={key}>
          <input
            type="radio"
            name={name}
            value={key}
            checked={key === value}
            onChange={(event) => onChange(key, event.timeStamp)}
          />
          <span>{title}</span>
        </label>
      ))}
    </fieldset>
  );
}
