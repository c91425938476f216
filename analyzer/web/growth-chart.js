// The growth over a series as a chart: of all objects, and of the types that grew most. Drawn by uPlot.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element } = memdump;
  const { count, bytes, growth, minutes } = memdump.numbers;
  const HEIGHT = 300;
  const LINES = 8;

  /** Steps between two lines of the grid: round in what they are told in. */
  const POWERS = Array.from({ length: 16 }, (_, power) => 10 ** power);
  const WHOLE = POWERS.flatMap((power) => [power, 2 * power, 5 * power]);
  const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);
  const DAY = 86_400;
  const SECONDS = [...POWERS.slice(1, 4).reverse().flatMap((power) => [1 / power, 2 / power, 5 / power]), 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, ...WHOLE.map((days) => days * DAY)];
  const TIMES = [
    [DAY, "days"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];

  /** Fills `container` from the JSON of a series (`memdump diff A B C --json`; of two dumps as well). */
  function growthChart(container, series) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const timed = series.moments.every((moment) => moment.minutes !== null);
    const at = series.moments.map((moment, number) => (timed ? 60 * moment.minutes : number + 1));
    const place = element("div", { class: "chart", role: "img", "aria-label": "Growth since the first dump; the table tells the same" });
    const legend = element("div", { class: "legend" });
    const units = [
      ["bytes", "Bytes", bytes, BINARY],
      ["count", "Objects", count, WHOLE],
    ];
    const buttons = units.map(([unit, name]) => element("button", { type: "button", onclick: () => draw(unit) }, name));
    let chart = null;
    container.replaceChildren(element("div", { class: "choice", role: "group", "aria-label": "Unit" }, buttons), place, legend);
    draw("bytes");
    // Its colours are drawn, not styled.
    dark.addEventListener("change", () => chart.redraw(false));
    new ResizeObserver(() => place.clientWidth > 0 && chart.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);

    function draw(unit) {
      const [, , text, steps] = units.find(([name]) => name === unit);
      buttons.forEach((button, number) => button.setAttribute("aria-pressed", String(units[number][0] === unit)));
      const lines = [{ name: "all types", values: series.total[unit].values }, ...most(series.types, unit)];
      const since = lines.map((line) => line.values.map((value) => value - line.values[0]));
      const colour = (name) => getComputedStyle(container).getPropertyValue(name).trim();
      const grid = { stroke: () => colour("--line"), width: 1 };
      const axis = { stroke: () => colour("--faint"), grid, ticks: grid };
      chart?.destroy();
      chart = new uPlot(
        {
          width: place.clientWidth || 600,
          height: HEIGHT,
          legend: { show: false },
          scales: { x: { time: false } },
          cursor: { drag: { x: false, y: false } },
          axes: [
            { ...axis, space: 80, incrs: timed ? SECONDS : WHOLE, values: (_, ticks, _axis, _space, step) => ticks.map((tick) => (timed ? time(tick, step) : `dump ${tick}`)) },
            { ...axis, incrs: steps, size: 90, values: (_, ticks) => ticks.map((tick) => short(growth(tick, text))) },
          ],
          series: [
            {},
            ...lines.map((line, number) => ({
              label: String(number),
              stroke: () => colour(`--line-${number}`),
              width: number === 0 ? 3 : 2,
              points: { show: at.length < 40, size: 6 },
            })),
          ],
          hooks: { setCursor: [(drawn) => tell(drawn.cursor.idx)] },
        },
        [at, ...since],
        place,
      );
      const told = lines.map((line, number) => {
        const value = element("span", { class: "number" });
        const swatch = element("span", { class: "swatch" });
        swatch.style.setProperty("background", `var(--line-${number})`);
        const toggle = (event) => {
          const shown = !chart.series[number + 1].show;
          event.currentTarget.setAttribute("aria-pressed", String(shown));
          chart.setSeries(number + 1, { show: shown });
        };
        const button = element("button", { type: "button", "aria-pressed": "true", title: line.name, onclick: toggle });
        button.append(swatch, element("span", { class: "name" }, line.name), value);
        return { button, value };
      });
      const when = element("p", { class: "note" });
      legend.replaceChildren(...told.map((line) => line.button), when);
      tell(null);

      function tell(pointed) {
        const number = pointed ?? at.length - 1;
        told.forEach((line, which) => (line.value.textContent = growth(since[which][number], text)));
        const moment = timed ? `${minutes(at[number] / 60)} after the first dump` : "";
        when.textContent = `growth since the first dump, in dump ${number + 1} of ${at.length}${moment && `, ${moment}`}`;
      }
    }
  }

  /** All ticks of an axis in one unit: `90 s`, `2 min`, `1.5 s`. */
  function time(seconds, step) {
    const [size, name] = TIMES.find(([size]) => step % size === 0) ?? TIMES.at(-1);
    return `${Number((seconds / size).toFixed(3))} ${name}`;
  }

  /** `+2 KiB` for `+2.00 KiB`. */
  const short = (text) => (text.includes(".") ? text.replace(/\.?0+ /, " ") : text);

  function most(types, unit) {
    const grown = types.filter((type) => type[unit].growth > 0).sort((a, b) => b[unit].growth - a[unit].growth);
    return grown.slice(0, LINES).map((type) => ({ name: type.type, values: type[unit].values }));
  }

  memdump.growthChart = growthChart;
})();
