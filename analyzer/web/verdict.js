// The verdict in words: what leaks and why that is said, what is no leak, and what else keeps memory.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, command } = memdump;

  /** Fills `container` from the words of a verdict. */
  function verdict(container, words) {
    const alarm = words.suspects.length > 0;
    const parts = [
      element("p", { class: `headline ${alarm ? "alarm" : "calm"}` }, words.headline),
      ...words.lines.map((line) => element("p", {}, line)),
      ...words.suspects.map(suspect),
    ];
    if (words.more > 0) parts.push(element("p", { class: "note" }, `and ${words.more} more; the command above tells of all`));
    if (words.cleared.length > 0) {
      parts.push(element("h3", {}, "Looked at and cleared"));
      parts.push(element("ul", {}, words.cleared.map(({ place, because }) => element("li", {}, code(place), element("br"), because))));
    }
    if (words.notes.length > 0) {
      parts.push(element("h3", {}, "Also in the last dump"));
      parts.push(...words.notes.map(note));
    }
    container.replaceChildren(...parts);
  }

  function suspect({ confidence, sentence, facts, commands }) {
    return element(
      "article",
      { class: `card ${confidence}` },
      element("h3", {}, element("span", { class: "badge" }, confidence), " ", element("span", { class: "name" }, sentence)),
      element(
        "dl",
        {},
        facts.map(({ name, lines }) => [element("dt", {}, name), element("dd", {}, lines.map((line) => element("div", { class: "name" }, line)))]),
      ),
      commands.map((line) => command(line)),
    );
  }

  function note({ what, parts, commands }) {
    return element(
      "article",
      { class: "card" },
      element("h3", {}, what),
      element("ul", {}, parts.map((part) => element("li", { class: "name" }, part))),
      commands.map((line) => command(line)),
    );
  }

  const code = (text) => element("code", {}, text);

  memdump.verdict = verdict;
})();
