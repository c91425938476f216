// What keeps objects alive: a picture of their chains, and each shape in words.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, plain } = memdump;
  const { count, bytes, plural } = memdump.numbers;

  /**
   * Fills `container` from the JSON of `memdump chain --json`.
   * picture: its picture, which has the headline in it, or nothing. link(address): how an object is told.
   */
  function chain(container, explained, { picture = null, link = plain } = {}) {
    const groups = explained.groups.map((group) => groupOf(group, link));
    const told = explained.groups.reduce((sum, group) => sum + group.count, 0);
    const parts = [picture ? element("div", { class: "picture wide", tabindex: "0", "aria-label": headline(explained) }, picture) : element("p", {}, headline(explained))];
    const words = element("details", {}, element("summary", {}, `the ${plural(groups.length, "shape", "shapes")} in words`), groups);
    // Without a picture the words are all there is; where objects can be walked to, they lead there.
    words.open = !picture || link !== plain;
    if (groups.length > 0) parts.push(words);
    const more = explained.shapes - explained.groups.length;
    if (more > 0) {
      const objects = plural(explained.explained - told, "object", "objects");
      parts.push(element("p", { class: "note" }, `and ${plural(more, "more shape", "more shapes")} of ${objects}`));
    }
    container.replaceChildren(...parts);
  }

  function headline(explained) {
    const { types, pattern } = explained;
    const what = types.length > 1 ? `objects of ${count(types.length)} types like ${pattern}` : (types[0] ?? pattern);
    const objects = `${count(explained.objects)} ${explained.identity ? "new " : ""}${what}`;
    if (explained.shapes === 0) return `${objects}, none explained by a chain`;
    const all = explained.objects === explained.explained ? "all explained" : `${count(explained.explained)} explained`;
    return `${objects}, ${all} by ${plural(explained.shapes, "shape", "shapes")}`;
  }

  /** The text of an SVG without styles, as memdump draws it, as an element of the page. */
  function drawing(text) {
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    return svg.localName === "svg" ? document.importNode(svg, true) : null;
  }

  function groupOf(group, link) {
    const steps = group.steps.map((step) =>
      element(
        "li",
        {},
        element("code", {}, step.label || "→"),
        " ",
        element("span", { class: "name" }, step.type),
        step.recurring > 0 ? element("span", { class: "faint" }, ` (${step.recurring === 1 ? "this" : `these ${step.recurring}`} again and again)`) : "",
      ),
    );
    const last = group.example.steps.at(-1);
    const size = last ? element("span", { class: "faint" }, ` ${bytes(last.size)}`) : "";
    const example = [group.example.expression ? element("code", {}, group.example.expression) : "", " ", last ? link(last.address) : "", size];
    return element(
      "section",
      { class: "shape" },
      element("h4", {}, `${count(group.count)} × from `, element("span", { class: "name" }, holder(group.holder))),
      element("ol", {}, steps),
      element("p", { class: "note" }, "for example ", example),
    );
  }

  /** What holds a chain: `module app.views`, `thread main, frame handle (app.py)`. */
  function holder({ kind, name, thread, line }) {
    if (kind === "unreachable") return "nothing: only a collection can free it";
    if (kind === "native" && !name) return "native code";
    const what = atLine([kind, name].filter(Boolean).join(" "), line);
    return [thread && kind !== "thread" ? `thread ${thread}` : "", what].filter(Boolean).join(", ");
  }

  /** `handle (views.py)` at line 42 is `handle (views.py:42)`. */
  function atLine(frame, line) {
    if (!line) return frame;
    return frame.endsWith(")") ? `${frame.slice(0, -1)}:${line})` : `${frame}:${line}`;
  }

  Object.assign(memdump, { chain, drawing, holder, atLine });
})();
