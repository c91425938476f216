// A table that can be sorted by each column and searched. Only what is looked at is made: rows may be thousands.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element } = memdump;
  const { count } = memdump.numbers;
  const STEP = 50;

  /**
   * Fills `container`.
   *
   * columns: `{ name, title, cell(row): text or node, sort(row): number or text, number: whether it is one }`; without `sort` it cannot
   *   be sorted by.
   * rows: of any kind.
   * text(row): what is searched; without it there is no search. label: what the search is called.
   * order: the number of the column that rows are sorted by already, greatest first.
   * leftOut: how many further rows there are that are not in `rows`; what: what rows are called.
   */
  function table(container, { columns, rows, text, label = "Search", order = null, leftOut = 0, what = "rows" }) {
    const state = { order, descending: true, shown: STEP, sought: "" };
    const head = columns.map((column, number) => heading(column, number));
    const body = element("tbody");
    const note = element("p", { class: "note", role: "status" });
    const more = element("button", { type: "button", onclick: () => ((state.shown += 4 * STEP), show()) });
    const search =
      text &&
      element("input", { type: "search", "aria-label": label, placeholder: label, oninput: (event) => seek(event.target.value) });
    container.replaceChildren(
      ...(search ? [search] : []),
      element("div", { class: "wide", tabindex: "0" }, element("table", {}, element("thead", {}, element("tr", {}, head)), body)),
      note,
      more,
    );
    show();

    function heading(column, number) {
      const attributes = { title: column.title, scope: "col", class: column.number ? "number" : null };
      if (!column.sort) return element("th", attributes, column.name);
      return element("th", attributes, element("button", { type: "button", onclick: () => sortBy(number) }, column.name));
    }

    function sortBy(number) {
      state.descending = state.order === number ? !state.descending : Boolean(columns[number].number);
      state.order = number;
      const key = columns[number].sort;
      const sign = state.descending ? -1 : 1;
      const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (a ?? -Infinity) - (b ?? -Infinity) || 0);
      rows = [...rows].sort((a, b) => sign * compare(key(a), key(b)));
      show();
    }

    function seek(sought) {
      state.sought = sought.toLowerCase();
      state.shown = STEP;
      show();
    }

    function show() {
      const found = state.sought ? rows.filter((row) => text(row).toLowerCase().includes(state.sought)) : rows;
      const told = found.slice(0, state.shown);
      body.replaceChildren(...told.map((row) => element("tr", {}, columns.map((column) => cell(column, row)))));
      head.forEach((th, number) => {
        if (number !== state.order) th.removeAttribute("aria-sort");
        else th.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      });
      const all = state.sought ? `${count(found.length)} of ${count(rows.length)} ${what} match` : `${count(rows.length)} ${what}`;
      note.textContent = all + (leftOut > 0 ? `; ${count(leftOut)} more are left out here, the command above lists them` : "");
      more.textContent = `show more (${count(found.length - told.length)} left)`;
      more.hidden = told.length === found.length;
    }
  }

  function cell(column, row) {
    return element("td", { class: column.number ? "number" : null }, column.cell(row));
  }

  memdump.table = table;
})();
