// Threads, where they stand, and what the variables of their frames hold.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, plain, atLine } = memdump;
  const { bytes, plural } = memdump.numbers;

  /** Fills `container` from the JSON of the threads of a dump. link(address): how an object is told. */
  function threadList(container, { threads, total }, { link = plain } = {}) {
    const parts = threads.map((thread) => one(thread, link));
    if (threads.length === 0) parts.push(element("p", {}, "The dump tells of no thread that runs code of the runtime."));
    const more = total - threads.length;
    if (more > 0) parts.push(element("p", { class: "note" }, `${plural(more, "more thread is", "more threads are")} left out here`));
    container.replaceChildren(...parts);
    if (threads.length === 1) container.querySelector("details").open = true;
  }

  function one(thread, link) {
    const [innermost] = thread.frames;
    const where = innermost ? [" at ", element("code", {}, at(innermost))] : [];
    return element(
      "details",
      {},
      element(
        "summary",
        {},
        element("strong", { class: "name" }, thread.name),
        where,
        element("span", { class: "faint" }, `, the objects of its variables retain ${bytes(thread.retained)}`),
      ),
      element("ol", { class: "frames" }, thread.frames.map((frame) => frameOf(frame, link))),
      thread.more_frames > 0 ? element("p", { class: "note" }, `and ${plural(thread.more_frames, "caller", "callers")} more`) : null,
    );
  }

  function frameOf(frame, link) {
    const variables = frame.variables.map((variable) =>
      element(
        "li",
        {},
        element("code", {}, variable.label || "→"),
        " ",
        element("span", { class: "name" }, variable.type),
        " ",
        link(variable.address),
        element("span", { class: "faint" }, ` retains ${bytes(variable.retained)}`),
      ),
    );
    if (frame.more_variables > 0) variables.push(element("li", { class: "note" }, `and ${plural(frame.more_variables, "more", "more")}`));
    return element("li", {}, element("code", {}, at(frame)), element("ul", {}, variables));
  }

  const at = (frame) => atLine(frame.function, frame.line);

  memdump.threadList = threadList;
})();
