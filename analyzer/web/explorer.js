// The explorer: the view that the address names, below a header that leads to the others.
(() => {
  "use strict";
  const { element, takeToken, ask, views } = memdump;

  const WAYS = [
    ["overview", "Overview"],
    ["suspects", "Suspects"],
    ["growth", "Growth"],
    ["types", "Types"],
    ["objects", "Objects"],
    ["map", "Map"],
    ["chains", "Chains"],
    ["threads", "Threads"],
    ["sql", "SQL"],
  ];
  /** Views that belong to another one's way. */
  const WITHIN = { instances: "types", object: "objects" };
  /** What takes no longer than this needs no sign that it is under way. */
  const PATIENCE = 300;

  const place = document.getElementById("view");
  const busy = element("div", { id: "busy", role: "status" });
  let dumps = null;
  let leave = new AbortController();

  takeToken();
  addEventListener("hashchange", () => (takeToken(), show()));
  show();

  /** Shows the view of the address. What an earlier one still waits for is given up. */
  async function show() {
    leave.abort();
    leave = new AbortController();
    const { signal } = leave;
    const { view, question } = here();
    const watching = watch(signal);
    try {
      dumps ??= opened(await ask("info", {}, signal));
      head(view);
      if (!views[view]) throw new Error(`There is no view called ${view}.`);
      const made = element("div");
      await views[view](made, question, { dumps, signal, href, go, objectLink });
      if (signal.aborted) return;
      place.replaceChildren(made);
      document.title = `${made.querySelector("h2")?.textContent || view} · memdump`;
      place.focus({ preventScroll: true });
    } catch (error) {
      if (signal.aborted) return;
      place.replaceChildren(element("p", { class: "refused", role: "alert" }, error.message));
    } finally {
      watching();
    }
  }

  /** The view and the question in the address: `#/growth?before=1&after=2`. */
  function here() {
    const [path, question = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    return { view: path || "overview", question: Object.fromEntries(new URLSearchParams(question)) };
  }

  /** The address of a view. */
  function href(view, question = {}) {
    const given = Object.entries(question).filter(([, value]) => value !== undefined && value !== null && value !== "");
    return given.length > 0 ? `#/${view}?${new URLSearchParams(given)}` : `#/${view}`;
  }

  function go(view, question) {
    location.hash = href(view, question);
  }

  const objectLink = (dump) => (address) => element("a", { href: href("object", { dump, address }) }, element("code", {}, address));

  /** The dumps by number, from 1. */
  function opened({ infos }) {
    const all = infos.map((_, at) => at + 1);
    const file = (number) => infos[number - 1].file;
    return {
      infos,
      all,
      files: infos.map((info) => info.file),
      last: infos.at(-1),
      file,
      name: (number) => file(number).split("/").at(-1),
      chosen(number, orElse) {
        const given = Number(number ?? orElse);
        return all.includes(given) ? given : orElse;
      },
    };
  }

  function head(view) {
    const now = WITHIN[view] ?? view;
    const ways = WAYS.filter(([name]) => name !== "growth" || dumps.all.length > 1);
    const links = ways.map(([name, title]) => element("a", { href: href(name), "aria-current": name === now ? "page" : null }, title));
    const find = element("input", { type: "search", name: "sought", placeholder: "0x7f3a… or a type", "aria-label": "Find an object by its address, or a type" });
    const form = element("form", { role: "search", onsubmit: sought }, find);
    document.getElementById("top").replaceChildren(
      element("div", { class: "row" }, element("span", { class: "brand" }, "memdump"), element("nav", { "aria-label": "Views" }, links), form),
      busy,
    );
  }

  function sought(event) {
    event.preventDefault();
    const text = new FormData(event.target).get("sought").trim();
    const isAddress = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text);
    if (isAddress) go("object", { dump: dumps.all.length, address: text.toLowerCase() });
    else if (text) go("instances", { dump: dumps.all.length, type: text });
  }

  /** Tells what is being done, if an answer is long in coming. Gives what ends that. */
  function watch(signal) {
    let ended = false;
    let timer = setTimeout(look, PATIENCE);
    async function look() {
      try {
        const { stage, share, opening } = await ask("progress", {}, signal);
        if (!ended) {
          const words = `${opening === "underway" ? "opening the dumps: " : ""}${stage || "working"} …`;
          busy.replaceChildren(words, element("progress", share === null ? {} : { value: String(share) }));
          timer = setTimeout(look, PATIENCE);
        }
      } catch {
        // The view itself tells what is wrong.
      }
    }
    return () => {
      ended = true;
      clearTimeout(timer);
      if (!signal.aborted) busy.replaceChildren();
    };
  }
})();
