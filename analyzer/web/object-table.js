// Objects: those that retain most.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, plain, table } = memdump;
  const { bytes, share } = memdump.numbers;

  /** Fills `container` from the JSON of `memdump top --objects --json`. link(address): how an object is told. */
  function objectTable(container, biggest, { leftOut = 0, link = plain } = {}) {
    const name = (type) => element("span", { class: "name" }, type);
    table(container, {
      what: "objects",
      label: "Search objects by type or address",
      text: (row) => `${row.type} ${row.address} ${row.value ?? ""}`,
      rows: biggest.objects,
      order: 3,
      leftOut,
      columns: [
        { name: "address", title: "Where the object lay", cell: (row) => link(row.address), sort: (row) => row.address },
        {
          name: "type",
          title: "What it is, and what it held where the dump tells values",
          cell: (row) => (row.value ? element("span", { class: "name" }, row.type, " ", element("code", {}, row.value)) : name(row.type)),
          sort: (row) => row.type,
        },
        { name: "bytes", title: "Its shallow bytes: its own", number: true, cell: (row) => bytes(row.size), sort: (row) => row.size },
        {
          name: "retained",
          title: "What would be freed with it: its own bytes, and those of what is kept alive only through it",
          number: true,
          cell: (row) => bytes(row.retained),
          sort: (row) => row.retained,
        },
        {
          name: "of all",
          title: "Its retained bytes as a share of the shallow bytes of all objects",
          number: true,
          cell: (row) => share(row.retained, biggest.bytes),
          sort: (row) => row.retained,
        },
        {
          name: "dominator",
          title: "The nearest object that alone keeps it alive; none if several ways lead to it",
          cell: (row) => (row.dominator ? element("span", {}, name(row.dominator.type), " ", link(row.dominator.address)) : "–"),
        },
      ],
    });
  }

  memdump.objectTable = objectTable;
})();
