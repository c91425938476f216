// One object, from which every other can be walked to: its references, its referrers, its dominator, what it dominates, its chain.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, ask, commandLines, heading, put, holder } = memdump;
  const { count, bytes, plural } = memdump.numbers;
  const NEIGHBOURS = 50;

  async function object(place, question, { dumps, signal, href, objectLink }) {
    const dump = dumps.chosen(question.dump, dumps.all.length);
    const { address } = question;
    const link = objectLink(dump);
    const shown = await ask("show", { dump, address, limit: NEIGHBOURS }, signal);
    const dominated = await ask("dominated", { dump, address, limit: NEIGHBOURS }, signal);
    const type = element("a", { class: "name", href: href("instances", { type: shown.type, dump }) }, shown.type);
    put(
      place,
      element("h2", {}, type, " ", element("code", {}, shown.address)),
      ...heading("", `In ${dumps.name(dump)}. Every address leads to that object.`, commandLines.show(dumps.file(dump), shown.address)).slice(1),
      facts(shown, link),
      element("h3", {}, "What keeps it alive"),
      chain(shown.chain, link),
      shown.roots.length > 1 ? element("ul", { class: "roots" }, shown.roots.map((root) => element("li", { class: "name" }, `held by ${holder(root)} ${root.label}`))) : null,
      element(
        "div",
        { class: "columns" },
        neighbours("references", "What it refers to", shown.references, { dump, address, link, signal }),
        neighbours("referrers", "What refers to it", shown.referrers, { dump, address, link, signal }),
      ),
      below(dominated, { dump, address, link, signal }),
    );
  }

  function facts(shown, link) {
    const pairs = [
      ["size", bytes(shown.size), "Its own bytes"],
      ["retains", bytes(shown.retained), "What would be freed with it: its own bytes, and those of all that is kept alive only through it"],
      ["reference count", shown.refcount === null ? "not counted" : count(shown.refcount), "References that the runtime counts"],
      ["dominator", shown.dominator ? [link(shown.dominator.address), " ", name(shown.dominator.type)] : "none; no single object keeps it alive", "The nearest object that alone keeps it alive"],
    ];
    if (shown.value !== undefined) pairs.splice(0, 0, ["value", element("code", {}, shown.value), "What it held"]);
    if (shown.tracked) pairs.push(["", "tracked by the collector", "The runtime's collector knows it"]);
    if (shown.is_static) pairs.push(["", "in static memory", "Part of the program, not of its heap"]);
    return element("dl", {}, pairs.map(([term, told, title]) => [element("dt", { title }, term), element("dd", {}, told)]));
  }

  /** The chain, each object of it with a link. */
  function chain({ holder: from, steps, expression }, link) {
    const held = element("li", {}, element("strong", { class: "name" }, holder(from)), from.label ? [" ", element("code", {}, from.label)] : "");
    const told = steps.map((step) =>
      element("li", {}, element("code", {}, step.label || "→"), " ", name(step.type), " ", link(step.address), element("span", { class: "faint" }, ` ${bytes(step.size)}`)),
    );
    const written = expression ? element("p", {}, element("code", {}, expression)) : null;
    return element("div", { class: "chain" }, written, element("ol", { class: "way" }, held, told));
  }

  /** Neighbours on one side; more of them are got when asked for. */
  function neighbours(side, title, { total, listed }, { dump, address, link, signal }) {
    const body = element("tbody", {}, listed.map((one) => neighbour(one, link)));
    const heads = ["label", "object", "bytes"].map((head) => element("th", { scope: "col", class: head === "bytes" ? "number" : null }, head));
    const table = element("table", {}, element("thead", {}, element("tr", {}, heads)), body);
    const more = moreOf(total, listed.length, async (offset) => {
      const next = await ask("neighbours", { dump, address, side, offset, limit: 4 * NEIGHBOURS }, signal);
      body.append(...next.listed.map((one) => neighbour(one, link)));
      return next.listed.length;
    });
    return element("section", { class: side }, element("h3", {}, `${title}: ${plural(total, "reference", "references")}`), total > 0 ? table : null, more);
  }

  function neighbour(one, link) {
    const type = one.type === null ? element("span", { class: "faint" }, "not in the dump") : name(one.type);
    const value = one.value === undefined ? "" : [" ", element("code", {}, one.value)];
    const address = one.type === null ? element("code", {}, one.address) : link(one.address);
    return element(
      "tr",
      { class: one.strong ? null : "weak", title: one.strong ? null : "A weak reference: it keeps nothing alive" },
      element("td", {}, element("code", {}, one.label || "→")),
      element("td", {}, address, " ", type, value, one.strong ? "" : " (weak)"),
      element("td", { class: "number" }, bytes(one.size)),
    );
  }

  /** What would be freed with it, from the largest. */
  function below(dominated, { dump, address, link, signal }) {
    const row = (one) =>
      element("tr", {}, element("td", {}, link(one.address), " ", name(one.type)), element("td", { class: "number" }, bytes(one.size)), element("td", { class: "number" }, bytes(one.retained)));
    const body = element("tbody", {}, dominated.objects.map(row));
    const heads = ["object", "bytes", "retained"].map((head) => element("th", { scope: "col", class: head === "object" ? null : "number" }, head));
    const more = moreOf(dominated.total, dominated.objects.length, async (offset) => {
      const next = await ask("dominated", { dump, address, offset, limit: 4 * NEIGHBOURS }, signal);
      body.append(...next.objects.map(row));
      return next.objects.length;
    });
    const title = `What it alone keeps alive: ${plural(dominated.total, "object", "objects")}`;
    const about = "Its children in the dominator tree; what these keep alive in turn is in their retained bytes.";
    if (dominated.total === 0) return element("section", { class: "dominated" }, element("h3", {}, title));
    return element(
      "section",
      { class: "dominated" },
      element("h3", {}, title),
      element("p", { class: "note" }, about),
      element("table", {}, element("thead", {}, element("tr", {}, heads)), body),
      more,
    );
  }

  /** A button that gets what is left of a list, a part at a time. */
  function moreOf(total, shown, get) {
    const button = element("button", { type: "button", onclick: next });
    const tell = () => {
      button.textContent = `show more (${count(total - shown)} left)`;
      button.hidden = shown >= total;
    };
    async function next() {
      button.disabled = true;
      try {
        shown += await get(shown);
        tell();
      } catch (error) {
        if (error.name !== "AbortError") button.textContent = error.message;
      }
      button.disabled = false;
    }
    tell();
    return button;
  }

  const name = (type) => element("span", { class: "name" }, type);

  memdump.views.object = object;
})();
