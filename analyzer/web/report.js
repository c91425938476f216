// The report: its sections, each with what it tells, the command that tells the same, and its view.
(() => {
  "use strict";
  const { element, command } = memdump;
  const { bytes, count, minutes, plural } = memdump.numbers;

  const report = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("report");
  const last = report.infos.at(-1);

  const SECTIONS = [
    {
      id: "verdict",
      title: "Verdict",
      about: "What leaks, who holds it, how fast and how sure; with the evidence. Containers that more and more objects of a type lie in are suspected, whatever the objects consist of.",
      fill: (place) => memdump.verdict(place, report.verdict),
    },
    {
      id: "growth",
      title: "Growth",
      about: "Objects and shallow bytes of each type over the dumps. A leak is a line that goes on rising; what levels out is a cache or a warm-up.",
      has: Boolean(report.series),
      fill(place) {
        const [chart, table] = [element("div"), element("div")];
        place.append(chart, table);
        memdump.growthChart(chart, report.series);
        if (report.diff) memdump.diffTable(table, report.diff, { leftOut: report.left_out.diff });
        else memdump.seriesTable(table, report.series, { leftOut: report.left_out.series });
      },
    },
    {
      id: "map",
      title: "Where memory is kept",
      about: "The last dump, by what keeps it alive. The area of a box is what would be freed with it (its retained bytes); what lies inside is kept alive only through it. Objects of one type are taken together, large ones stand alone. Click to look inside.",
      fill: (place) => memdump.treeMap(place, report.map),
    },
    {
      id: "chains",
      title: "What keeps it alive",
      about: "For the types that matter most: the shortest chain of references from a root to each object, grouped by shape. Blue boxes hold objects from outside of the heap, the orange one is what was asked about.",
      has: report.chains.length > 0,
      fill(place) {
        for (const { explained, picture, command: line } of report.chains) {
          const view = element("div");
          place.append(element("h3", { class: "name" }, explained.types[0] ?? explained.pattern), command(line), view);
          memdump.chain(view, explained, { picture: picture && memdump.drawing(picture) });
        }
      },
    },
    {
      id: "types",
      title: "Types",
      about: "Every type of the last dump. Shallow bytes are the objects' own; retained bytes would be freed if all objects of the type were.",
      fill: (place) => memdump.typeTable(place, report.top, { leftOut: report.left_out.top }),
    },
    {
      id: "objects",
      title: "Biggest objects",
      about: "The objects of the last dump that keep most alive, each with the nearest object that alone keeps it alive.",
      fill: (place) => memdump.objectTable(place, report.objects, { leftOut: report.left_out.objects }),
    },
    {
      id: "threads",
      title: "Threads",
      about: "Where the threads stood when the last dump was taken, the innermost call first, and what the variables of their calls hold.",
      fill: (place) => memdump.threadList(place, report.threads),
    },
    {
      id: "facts",
      title: "What the dumps are, and could not see",
      about: "What limits these answers.",
      fill: (place) => memdump.facts(place, { infos: report.infos, leftOut: report.left_out.infos }),
    },
  ];

  const WORDS = [
    ["shallow bytes", "an object's own bytes, without what it refers to"],
    ["retained bytes", "what would be freed if the object were: its own bytes and those of all that is kept alive only through it"],
    ["dominator", "the one object through which every chain to an object leads"],
    ["root", "why an object is alive without being referenced by another: a module, a call's variable, static memory, native code"],
    ["chain", "the shortest way of strong references from a root to an object"],
    ["new, gone", "in the later dump only, in the earlier only"],
  ];

  const sections = SECTIONS.filter((section) => section.has ?? true);
  page.append(header(), ...sections.map(section), words());
  for (const { id, fill } of sections) fill(document.querySelector(`#${id} .view`));

  function header() {
    const of = last?.metadata ?? {};
    const number = report.of_dumps === null ? plural(report.dumps.length, "dump", "dumps") : `${count(report.dumps.length)} of ${plural(report.of_dumps, "dump", "dumps")}, spread evenly`;
    const dumps = report.dumps.length === 1 ? report.dumps[0] : `${number}, ${report.dumps[0]} to ${report.dumps.at(-1)}`;
    const over = report.series?.moments.at(-1)?.minutes;
    const heap = last ? `${plural(last.objects, "object", "objects")} of ${bytes(last.object_bytes)} in the last` : "";
    document.title = `memdump report: ${last?.file.split("/").at(-1) ?? ""}`;
    return element(
      "header",
      {},
      element("h1", {}, "memdump report"),
      memdump.process(of),
      element("p", { class: "note name" }, [dumps, over ? `over ${minutes(over)}` : "", heap].filter(Boolean).join("; "), `; made by memdump ${report.version}`),
      element("nav", { class: "sections", "aria-label": "Sections" }, sections.map(({ id, title }) => element("a", { href: `#${id}` }, title))),
    );
  }

  function section({ id, title, about }) {
    const lines = (report.commands[id] ?? []).map((line) => command(line));
    return element("section", { id }, element("h2", {}, title), element("p", { class: "note" }, about), lines, element("div", { class: "view" }));
  }

  function words() {
    const pairs = WORDS.map(([word, meaning]) => [element("dt", {}, word), element("dd", {}, meaning)]);
    return element("section", { id: "words" }, element("h2", {}, "What the words mean"), element("dl", {}, pairs));
  }
})();
