// What the dumps are, and what they could not see.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element } = memdump;
  const { count, bytes, plural, share } = memdump.numbers;
  const FAULTS = 20;

  /** Fills `container` from the JSON of `memdump info --json`. */
  function facts(container, { infos, leftOut = 0 }) {
    container.replaceChildren(
      element("ul", {}, infos.length > 0 ? unseen(infos.at(-1)).map((line) => element("li", {}, line)) : []),
      ...infos.filter((info) => info.faults.length > 0).map(faults),
      element("details", {}, element("summary", {}, "all facts of the dumps"), element("div", { class: "wide", tabindex: "0" }, facts_of(infos))),
      leftOut > 0 ? element("p", { class: "note" }, `${plural(leftOut, "dump", "dumps")} between the first and the last are left out here`) : "",
    );
  }

  /** What a reader of the last dump must know of its limits. */
  function unseen(info) {
    const lines = [];
    const resident = Number(info.metadata.rss_bytes);
    const heap = info.object_bytes - info.static_bytes;
    if (resident > 0) {
      const rest = "the rest is memory of native code, room that the allocator keeps, code and stacks";
      lines.push(`Objects explain ${bytes(heap)} of ${bytes(resident)} of resident memory, ${share(heap, resident)}; ${rest}.`);
    }
    if (info.static_bytes > 0) lines.push(`${bytes(info.static_bytes)} of objects lie in static memory, which is part of the program.`);
    if (info.faults.length === 0) lines.push("Everything that was found could be read.");
    if (info.metadata.identity !== "exact") {
      lines.push(
        "Objects of two dumps are the same if they have the same address and type: one that took the place of another counts as the old one. With exact identity they are told apart.",
      );
    }
    lines.push("Whatever native code holds without the runtime's knowledge is seen as a reference count without a reference.");
    return lines;
  }

  function faults(info) {
    const told = info.faults.slice(0, FAULTS).map((fault) => element("li", {}, element("code", {}, fault.address), " ", fault.message));
    const more = info.faults.length - told.length + (info.more_faults ?? 0);
    if (more > 0) told.push(element("li", { class: "note" }, `and ${plural(more, "more", "more")}`));
    return element("section", {}, element("h3", {}, "Could not be read in ", element("code", {}, info.file)), element("ul", {}, told));
  }

  function facts_of(infos) {
    const rows = [
      ["objects", (info) => count(info.objects)],
      ["references", (info) => count(info.references)],
      ["roots", (info) => count(info.roots)],
      ["types", (info) => count(info.types)],
      ["strings", (info) => count(info.strings)],
      ["bytes of objects", (info) => bytes(info.object_bytes)],
      ["of these static", (info) => bytes(info.static_bytes)],
      ["file", (info) => bytes(info.file_bytes)],
      ["format", (info) => info.format],
      ["faults", (info) => count(info.faults.length + (info.more_faults ?? 0))],
    ];
    const keys = [...new Set(infos.flatMap((info) => Object.keys(info.metadata)))].sort();
    for (const key of keys) rows.push([key, (info) => info.metadata[key] ?? "–"]);
    return element(
      "table",
      {},
      element("thead", {}, element("tr", {}, element("th", {}, ""), infos.map((info) => element("th", { scope: "col" }, info.file)))),
      element("tbody", {}, rows.map(([name, of]) => element("tr", {}, element("th", { scope: "row" }, name), infos.map((info) => element("td", { class: "name" }, of(info)))))),
    );
  }

  /** Whose dumps they are: the program, and what it was started with. */
  function process({ program, pid, host, runtime, arguments: words }) {
    const told = [program, pid && `process ${pid}`, host && `on ${host}`, runtime].filter(Boolean).join(", ");
    return [element("p", { class: "name" }, told), words && words !== program ? element("p", { class: "note" }, element("code", {}, words)) : null];
  }

  Object.assign(memdump, { facts, process });
})();
