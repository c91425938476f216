// Elements made of text only. Names in dumps may hold anything, so nothing here, or in any other module, takes markup.
globalThis.memdump ??= {};
(() => {
  "use strict";

  /**
   * An element with attributes (`onNAME`: a listener; null, undefined and false: none) and children, which are nodes or text.
   * No attribute may come from a dump but `title`, `aria-label` and `value`.
   */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
    return made;
  }

  /** A command line, and a button that copies it. */
  function command(line) {
    const code = element("code", {}, line);
    const button = element("button", { type: "button", class: "quiet", title: "Copy this command", onclick: copy }, "copy");
    async function copy() {
      try {
        await navigator.clipboard.writeText(line);
        button.textContent = "copied";
        setTimeout(() => (button.textContent = "copy"), 1500);
      } catch {
        // Not everywhere is there a clipboard for pages: it is marked instead.
        getSelection().selectAllChildren(code);
      }
    }
    return element("div", { class: "command" }, code, button);
  }

  /** How an object is told where there is nothing to lead to. */
  const plain = (address) => element("code", {}, address);

  Object.assign(memdump, { element, command, plain });
})();
