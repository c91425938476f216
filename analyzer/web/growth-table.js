// What grew, type by type: of two dumps, or of a series.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, table } = memdump;
  const { count, bytes, growth, rate } = memdump.numbers;

  /**
   * Fills `container` from the JSON of `memdump diff A B --json` (schema memdump.diff/1).
   * typeCell(name): what stands in the column of the type.
   */
  function diffTable(container, diff, { leftOut = 0, typeCell = name } = {}) {
    table(container, {
      what: "types",
      label: "Search types",
      text: (row) => row.type,
      rows: diff.types,
      order: 1,
      leftOut,
      columns: [
        { name: "type", title: "What the objects are", cell: (row) => typeCell(row.type), sort: (row) => row.type },
        grown("growth", "Objects: later minus earlier dump", (row) => row.count_growth),
        counted("before", "Objects in the earlier dump", (row) => row.count_before),
        counted("after", "Objects in the later dump", (row) => row.count_after),
        counted("new", "Objects that only the later dump has", (row) => row.new),
        counted("gone", "Objects that only the earlier dump has", (row) => row.gone),
        grown("bytes", "Shallow bytes: later minus earlier dump", (row) => row.bytes_growth, bytes),
      ],
    });
  }

  /** Fills `container` from the JSON of a series (schema memdump.series/1). */
  function seriesTable(container, series, { leftOut = 0, typeCell = name } = {}) {
    table(container, {
      what: "types",
      label: "Search types",
      text: (row) => row.type,
      rows: series.types,
      order: 1,
      leftOut,
      columns: [
        { name: "type", title: "What the objects are", cell: (row) => typeCell(row.type), sort: (row) => row.type },
        grown("growth", "Objects: last minus first dump", (row) => row.count.growth),
        {
          name: "per minute",
          title: "Objects per minute: the median of the slopes between all pairs of dumps",
          number: true,
          cell: (row) => rate(row.count.per_minute),
          sort: (row) => row.count.per_minute,
        },
        {
          name: "trend",
          title: "How the number moved; steady and quickening is what leaks do",
          cell: (row) => trend(row.count),
          sort: (row) => row.count.trend,
        },
        { name: "each dump", title: "Objects in each dump", cell: (row) => row.count.values.map(count).join(" → ") },
        grown("bytes", "Shallow bytes: last minus first dump", (row) => row.bytes.growth, bytes),
      ],
    });
  }

  const name = (type) => element("span", { class: "name" }, type);

  /** `steady since dump 3`. */
  function trend(course) {
    const word = course.trend.replaceAll("_", " ");
    return course.since > 0 ? `${word} since dump ${course.since + 1}` : word;
  }

  const grown = (name, title, of, text = count) => ({ name, title, number: true, cell: (row) => growth(of(row), text), sort: of });
  const counted = (name, title, of) => ({ name, title, number: true, cell: (row) => count(of(row)), sort: of });

  Object.assign(memdump, { diffTable, seriesTable });
})();
