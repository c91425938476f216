// The types of a dump.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, table } = memdump;
  const { count, bytes, share } = memdump.numbers;

  /** Fills `container` from the JSON of `memdump top --json`; `retained` has a column where it is told. */
  function typeTable(container, top, { leftOut = 0, typeCell = (type) => element("span", { class: "name" }, type) } = {}) {
    const numbers = [
      ["count", "Objects of the type", count, (row) => row.count],
      ["bytes", "Shallow bytes of all of them: their own, without what they refer to", bytes, (row) => row.bytes],
      ["of all", "Their share of the shallow bytes of all objects", (part) => share(part, top.bytes), (row) => row.bytes],
      ["average", "Shallow bytes of one object on average", bytes, (row) => row.average],
    ];
    if (top.types.some((row) => row.retained !== undefined)) {
      const title = "What would be freed if all objects of the type were; counts for each type that it depends on, so the sum is more than all";
      numbers.push(["retained", title, bytes, (row) => row.retained]);
    }
    table(container, {
      what: "types",
      label: "Search types",
      text: (row) => row.type,
      rows: top.types,
      order: 2,
      leftOut,
      columns: [
        { name: "type", title: "What the objects are", cell: (row) => typeCell(row.type), sort: (row) => row.type },
        ...numbers.map(([name, title, text, of]) => ({ name, title, number: true, cell: (row) => text(of(row)), sort: of })),
      ],
    });
  }

  memdump.typeTable = typeTable;
})();
