import type uPlot from 'uplot';

/** `29 Nov`, and the year where it changes. */
export const dateLabels: uPlot.Axis.Values = (_, splits, __, ___, incr) =>
  splits.map((split, at) => {
    const date = new Date(split * 1000);
    const before = at === 0 ? undefined : new Date((splits[at - 1] ?? 0) * 1000);
    const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
    const hour = `${String(date.getHours()).padStart(2, '0')}:00`;
    if (incr < 86_400) return before?.getDate() === date.getDate() ? hour : `${day} ${hour}`;
    return before === undefined || before.getFullYear() !== date.getFullYear()
      ? `${day} ${date.getFullYear()}`
      : day;
  });
