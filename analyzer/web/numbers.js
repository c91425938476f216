// Numbers as people read them: the same words as the command's.
globalThis.memdump ??= {};
(() => {
  "use strict";

  const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

  /** `12,345`; `–` for what is not known. */
  const count = (number) => (number === null || number === undefined ? "–" : grouped.format(number));

  /** `1.20 KiB`. */
  function bytes(number) {
    if (number === null || number === undefined) return "–";
    let unit = 0;
    let left = Math.abs(number);
    while (left >= 1024 && unit < UNITS.length - 1) {
      left /= 1024;
      unit += 1;
    }
    const digits = unit === 0 ? 0 : 2;
    return `${number < 0 ? "-" : ""}${left.toFixed(digits)} ${UNITS[unit]}`;
  }

  /** With its sign: `+12,345`, `-3`, `0`; `text` is count or bytes. */
  const growth = (number, text = count) => (number > 0 ? "+" : "") + text(number);

  /** `+12,345`, `+12.5`, `+0.04`, `0`. */
  function rate(number) {
    if (number === null || number === undefined) return "–";
    if (number === 0) return "0";
    const size = Math.abs(number);
    if (size >= 99.95) return growth(Math.round(number));
    return (number > 0 ? "+" : "") + number.toFixed(size >= 0.95 ? 1 : 2);
  }

  /** A time in minutes: `2.6 s`, `45 s`, `12 min`, `6.5 h`, `12 days`. */
  function minutes(number) {
    if (number === null || number === undefined) return "–";
    if (number < 0.1) return `${(number * 60).toFixed(1)} s`;
    if (number < 2) return `${Math.round(number * 60)} s`;
    if (number < 120) return `${Math.round(number)} min`;
    if (number < 2880) return `${(number / 60).toFixed(1)} h`;
    return `${Math.round(number / 1440)} days`;
  }

  /** `1 object`, `2 objects`. */
  const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

  /** `12.3 %` of a whole. */
  const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–");

  memdump.numbers = { count, bytes, growth, rate, minutes, plural, share };
})();
