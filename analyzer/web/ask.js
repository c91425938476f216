// Asks the server that this page comes from. The token came in the address, and is held here and sent in a header: nobody else's page has it.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const TOKEN = "memdump-token";

  /** Takes the token out of the address, so that it gets into no history, bookmark or picture of the screen. */
  function takeToken() {
    const given = location.hash.match(/^#token=([0-9a-f]+)$/);
    if (!given) return;
    localStorage.setItem(TOKEN, given[1]);
    history.replaceState(null, "", location.pathname);
  }

  /** What the server refused, in its words. */
  class Refused extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  }

  async function fetched(path, options) {
    const headers = { Authorization: `Bearer ${localStorage.getItem(TOKEN) ?? ""}`, ...options.headers };
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "The explorer has ended: nothing answers any more. Start `memdump ui` again.");
    }
    if (!response.ok) throw new Refused(response.status, (await response.json()).error);
    return response;
  }

  /** The answer of a view; what is undefined, null or empty is not asked for. */
  async function ask(view, question = {}, signal = undefined) {
    return (await fetched(address(view, question), { signal })).json();
  }

  /** A picture as an image of its own: no text of it becomes part of the page. */
  async function picture(view, question, signal) {
    const image = await (await fetched(address(view, question), { signal })).blob();
    return URL.createObjectURL(image);
  }

  function address(view, question) {
    const given = Object.entries(question).filter(([, value]) => value !== undefined && value !== null && value !== "");
    return `/api/${view}?${new URLSearchParams(given)}`;
  }

  /** The rows of a query. */
  async function query(sql, signal) {
    const headers = { "Content-Type": "application/json" };
    return (await fetched("/api/sql", { method: "POST", body: JSON.stringify({ sql }), headers, signal })).json();
  }

  Object.assign(memdump, { takeToken, ask, picture, query });
})();
