// The views over whole dumps. Each fills a place from the answer to the question in the address.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, command, ask, picture, commandLines } = memdump;
  const { count, bytes, plural } = memdump.numbers;
  /** So many types are got at a time: as a rule all of them. */
  const TYPES = 5000;
  const OBJECTS = 200;

  /** Puts children into a place; null: none. */
  const put = (place, ...children) => place.append(...element("div", {}, children).childNodes);

  /** What every view begins with: its title, what it tells, and the command that tells the same. */
  function heading(title, about, line) {
    return [element("h2", { class: "name" }, title), element("p", { class: "note" }, about), line ? command(line) : null];
  }

  async function overview(place, question, { dumps, signal, href }) {
    const facts = element("div");
    const ways = [
      ["suspects", "the verdict: what leaks, who holds it, how sure"],
      ["growth", "what grew, type by type; from there to the new objects and their chains"],
      ["types", "what there is of each type"],
      ["objects", "the objects that keep most alive"],
      ["map", "where memory is kept, to zoom into"],
      ["chains", "what keeps the objects of a type alive"],
      ["threads", "where the threads stood, and what their variables hold"],
      ["sql", "everything else"],
    ].filter(([view]) => view !== "growth" || dumps.all.length > 1);
    put(
      place,
      ...heading("Overview", "What the dumps are, and what they could not see.", commandLines.info(dumps.files)),
      memdump.process(dumps.last.metadata),
      element("ul", {}, ways.map(([view, what]) => element("li", {}, element("a", { href: href(view) }, view), `: ${what}`))),
      facts,
    );
    memdump.facts(facts, { infos: dumps.infos });
  }

  async function growth(place, question, { dumps, signal, href, go }) {
    if (dumps.all.length < 2) {
      put(place, ...heading("Growth", "What grew between dumps. There is one dump only: start `memdump ui` with an earlier and a later one."));
      return;
    }
    const before = dumps.chosen(question.before, 1);
    const after = dumps.chosen(question.after, dumps.all.length);
    const overAll = dumps.all.length > 2 && !question.before && !question.after;
    const { filter } = question;
    const answer = overAll
      ? await ask("series", { filter, limit: TYPES }, signal)
      : await ask("diff", { before, after, filter, limit: TYPES }, signal);
    const files = overAll ? dumps.files : [dumps.file(before), dumps.file(after)];
    const [chart, table] = [element("div"), element("div")];
    const chooser = element(
      "form",
      { class: "choices" },
      dumpChoice("from", before, dumps, (number) => go("growth", { ...question, before: number, after })),
      dumpChoice("to", after, dumps, (number) => go("growth", { ...question, before, after: number })),
      dumps.all.length > 2 && !overAll ? element("a", { href: href("growth") }, "over all dumps") : null,
    );
    const { total } = answer;
    const whole = overAll
      ? `${memdump.numbers.growth(total.count.growth)} objects, ${memdump.numbers.growth(total.bytes.growth, bytes)} in all`
      : `${memdump.numbers.growth(total.count_growth)} objects, ${memdump.numbers.growth(total.bytes_growth, bytes)}; ${count(total.new)} new, ${count(total.gone)} gone`;
    put(
      place,
      ...heading("Growth", "Objects and shallow bytes of each type. A type leads to its new objects.", commandLines.diff(files)),
      chooser,
      element("p", {}, whole, " ", identity(answer.identity)),
      chart,
      search(filter, answer, (text) => go("growth", { ...question, filter: text })),
      table,
    );
    if (overAll) memdump.growthChart(chart, answer);
    const typeCell = (type) => [
      element("a", { class: "name", href: href("instances", { type, dump: after, before }) }, type),
      " ",
      element("a", { class: "faint", href: href("chains", { type, dump: after, before }), title: "What keeps the new ones alive" }, "chains"),
    ];
    const fill = overAll ? memdump.seriesTable : memdump.diffTable;
    fill(table, answer, { typeCell: (type) => element("span", {}, typeCell(type)) });
  }

  async function types(place, question, { dumps, signal, href, go }) {
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const answer = await ask("top", { dump, filter: question.filter, limit: TYPES }, signal);
    const table = element("div");
    put(
      place,
      ...heading("Types", `What there is of each type in ${dumps.name(dump)}. A type leads to its objects.`, commandLines.top(dumps.file(dump), "bytes")),
      element("form", { class: "choices" }, dumpChoice("dump", dump, dumps, (number) => go("types", { ...question, dump: number }))),
      search(question.filter, answer, (text) => go("types", { ...question, filter: text })),
      table,
    );
    memdump.typeTable(table, answer, { typeCell: (type) => element("a", { class: "name", href: href("instances", { type, dump }) }, type) });
  }

  async function instances(place, question, context) {
    const { type } = question;
    const before = question.before ? context.dumps.chosen(question.before, 1) : null;
    await listed(place, question, context, {
      title: type,
      view: "instances",
      before,
      about: before ? "The new objects of the type, those that retain most first." : "The objects of the type, those that retain most first.",
    });
  }

  const objects = (place, question, context) =>
    listed(place, question, context, {
      title: "Biggest objects",
      view: "objects",
      before: null,
      about: "The objects that keep most alive, each with the nearest object that alone keeps it alive.",
    });

  async function listed(place, question, { dumps, signal, href, go, objectLink }, { title, view, before, about }) {
    const { type } = question;
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const offset = Number(question.offset ?? 0);
    const answer = await ask("instances", { dump, before, type, offset, limit: OBJECTS }, signal);
    const table = element("div");
    const line = before ? commandLines.instances([dumps.file(before), dumps.file(dump)], type) : commandLines.objects(dumps.file(dump), type);
    const scope = type && dump > 1 ? newOrAll(question, before, dump, dumps, (chosen) => go(view, { ...question, offset: null, before: chosen })) : null;
    put(
      place,
      ...heading(title, about, line),
      element("form", { class: "choices" }, dumpChoice("dump", dump, dumps, (number) => go(view, { ...question, dump: number, before: null, offset: null })), scope),
      type ? element("p", {}, element("a", { href: href("chains", { type, dump, before }) }, before ? "what keeps the new ones alive" : "what keeps them alive")) : null,
      element("p", {}, told(answer, offset), " ", identity(answer.identity)),
      table,
      pages(answer.total, offset, answer.objects.length, (to) => href(view, { ...question, offset: to })),
    );
    memdump.objectTable(table, answer, { link: objectLink(dump) });
  }

  function told(answer, offset) {
    if (answer.total === 0) return "None.";
    const shown = answer.objects.length;
    return shown === answer.total ? plural(shown, "object", "objects") : `${count(offset + 1)} to ${count(offset + shown)} of ${plural(answer.total, "object", "objects")}`;
  }

  async function chains(place, question, { dumps, signal, go, objectLink }) {
    const { type, from, avoid, maxDepth } = question;
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const before = question.before ? dumps.chosen(question.before, 1) : null;
    const files = before ? [dumps.file(before), dumps.file(dump)] : [dumps.file(dump)];
    const view = element("div");
    const field = (name, label, attributes) => [element("label", { for: `chain-${name}` }, label), element("input", { id: `chain-${name}`, name, ...attributes })];
    const starts = ["any", "module", "frame"].map((start) => element("option", { value: start, selected: start === (from ?? "any") }, start));
    const submit = (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(event.target));
      go("chains", { ...question, ...given });
    };
    put(
      place,
      ...heading(
        "What keeps it alive",
        "The shortest chain of references from a root to each object of a type, grouped by shape.",
        type ? commandLines.chain(files, type, { from, avoid, maxDepth }) : null,
      ),
      element(
        "form",
        { class: "choices", onsubmit: submit },
        field("type", "type", { value: type ?? "", required: true, size: 32, placeholder: "SomeRef, app.models.SomeRef, *Ref" }),
        [element("label", { for: "chain-from" }, "from"), element("select", { id: "chain-from", name: "from" }, starts)],
        field("avoid", "avoid", { value: avoid ?? "", placeholder: "types, with commas" }),
        field("maxDepth", "at most", { value: maxDepth ?? "", class: "short", inputmode: "numeric", pattern: "[0-9]*", placeholder: "steps" }),
        element("button", { type: "submit" }, "explain"),
        dump > 1 ? newOrAll(question, before, dump, dumps, (chosen) => go("chains", { ...question, before: chosen })) : null,
      ),
      view,
    );
    if (!type) return;
    const asked = { type, dump, before, from, avoid, max_depth: maxDepth, limit: 50 };
    const answer = await ask("chain", asked, signal);
    let drawn = null;
    if (answer.shapes > 0) {
      const image = await picture("picture", asked, signal);
      drawn = element("img", { alt: "The chains as a picture; the same is told in words below", onload: () => URL.revokeObjectURL(image) });
      drawn.src = image;
    }
    memdump.chain(view, answer, { picture: drawn, link: objectLink(dump) });
    view.append(element("p", { class: "note" }, identity(answer.identity)));
  }

  async function suspects(place, question, { dumps, signal, href }) {
    const answer = await ask("suspects", {}, signal);
    const view = element("div");
    put(place, ...heading("Suspects", "The verdict over all dumps: what leaks, who holds it, how fast and how sure.", commandLines.suspects(dumps.files)), view);
    memdump.verdict(view, answer.words);
  }

  async function map(place, question, { dumps, signal, go, objectLink }) {
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const answer = await ask("map", { dump }, signal);
    const view = element("div");
    put(
      place,
      ...heading(
        "Where memory is kept",
        "Areas are bytes that would be freed with an object (its retained bytes); what lies inside is kept alive only through it. Objects of one type are taken together. Click to look inside.",
        commandLines.objects(dumps.file(dump)),
      ),
      element("form", { class: "choices" }, dumpChoice("dump", dump, dumps, (number) => go("map", { dump: number }))),
      view,
    );
    memdump.treeMap(view, answer, { link: objectLink(dump) });
  }

  async function threads(place, question, { dumps, signal, go, objectLink }) {
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const answer = await ask("threads", { dump }, signal);
    const view = element("div");
    put(
      place,
      ...heading("Threads", "Where the threads stood, the innermost call first, and what the variables of their calls hold.", commandLines.sql([dumps.file(dump)], "SELECT * FROM threads")),
      element("form", { class: "choices" }, dumpChoice("dump", dump, dumps, (number) => go("threads", { dump: number }))),
      view,
    );
    memdump.threadList(view, answer, { link: objectLink(dump) });
  }

  /** A choice of a dump, by number. */
  function dumpChoice(label, chosen, dumps, choose) {
    if (dumps.all.length < 2) return null;
    const options = dumps.all.map((number) => element("option", { value: String(number), selected: number === chosen }, dumps.name(number)));
    return element("label", {}, `${label} `, element("select", { onchange: (event) => choose(Number(event.target.value)) }, options));
  }

  /** Whether all objects are meant, or those that are new since an earlier dump. */
  function newOrAll(question, before, dump, dumps, choose) {
    const earlier = dumps.all.filter((number) => number !== dump);
    const options = [
      element("option", { value: "", selected: before === null }, "all"),
      ...earlier.map((number) => element("option", { value: String(number), selected: number === before }, `new since ${dumps.name(number)}`)),
    ];
    return element("label", {}, "objects ", element("select", { name: "before", onchange: (event) => choose(Number(event.target.value) || null) }, options));
  }

  /** The search in all types, where not all of them are on the page. */
  function search(filter, answer, go) {
    if (!filter && answer.types.length === answer.matching) return null;
    const submit = (event) => {
      event.preventDefault();
      go(new FormData(event.target).get("filter"));
    };
    const left = answer.matching - answer.types.length;
    return element(
      "form",
      { class: "choices", onsubmit: submit },
      element("label", {}, "only types with ", element("input", { name: "filter", value: filter ?? "" })),
      element("button", { type: "submit" }, "filter"),
      left > 0 ? element("span", { class: "note" }, `${plural(left, "type", "types")} more are not listed`) : null,
    );
  }

  /** Links to the pages before and behind. */
  function pages(total, offset, shown, href) {
    const before = offset > 0 ? element("a", { href: href(Math.max(0, offset - OBJECTS) || null) }, "previous") : null;
    const behind = offset + shown < total ? element("a", { href: href(offset + shown) }, "next") : null;
    return before || behind ? element("p", { class: "pages" }, before, behind) : null;
  }

  function identity(known) {
    if (!known) return "";
    const words = { exact: "identity: exact", by_address: "identity: by address" };
    return element("span", { class: "note" }, words[known.kind] ? `(${words[known.kind]})` : `(new objects are not known: ${known.reason})`);
  }

  Object.assign(memdump, { heading, put });
  memdump.views = { overview, suspects, growth, types, instances, objects, chains, map, threads };
})();
