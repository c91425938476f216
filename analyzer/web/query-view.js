// SQL over the dumps, with the schema beside it.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, command, ask, query, commandLines, heading, put, table } = memdump;
  const { plural } = memdump.numbers;

  const EXAMPLES = [
    ["what grew", "SELECT * FROM growth ORDER BY count_growth DESC LIMIT 20"],
    ["new objects by type", "SELECT type_name, count(*) AS objects, sum(size) AS bytes FROM instance\nWHERE is_new GROUP BY type_name ORDER BY objects DESC LIMIT 20"],
    ["what retains most", "SELECT * FROM top_retained LIMIT 20"],
    ["threads", "SELECT * FROM threads LIMIT 50"],
  ];

  async function sql(place, question, { dumps, signal, go, objectLink }) {
    const input = element("textarea", { id: "sql", spellcheck: "false", autocapitalize: "off", "aria-label": "Query", placeholder: "SELECT …", onkeydown: keys });
    input.value = question.q ?? "";
    const run = element("button", { type: "submit", title: "Ctrl-Enter" }, "run");
    const stop = element("button", { type: "button", hidden: true }, "stop");
    const result = element("div", { class: "result" });
    const submit = (event) => {
      event.preventDefault();
      if (input.value === question.q) show();
      else go("sql", { q: input.value });
    };
    const form = element("form", { onsubmit: submit }, input, element("div", { class: "choices" }, run, stop, examples()));
    const schema = element("aside", { class: "schema", "aria-label": "Schema" });
    put(
      place,
      ...heading("SQL", "The dumps as tables. It only reads; a query ends after a minute, and its first 1,000 rows are shown."),
      element("div", { class: "query" }, element("div", {}, form, result), schema),
    );
    describe(schema, await ask("schema", {}, signal));
    // It has its own sign of being under way, and can be stopped.
    if (question.q) show();

    function examples() {
      const choose = (event) => go("sql", { q: event.target.value });
      const options = EXAMPLES.map(([what, text]) => element("option", { value: text }, what));
      return element("select", { "aria-label": "Examples", onchange: choose }, element("option", { value: "" }, "examples …"), options);
    }

    function keys(event) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit();
      }
    }

    async function show() {
      const stopped = new AbortController();
      stop.onclick = () => stopped.abort();
      stop.hidden = false;
      run.disabled = true;
      result.replaceChildren(element("p", { class: "note", role: "status" }, "running …"));
      try {
        const rows = await query(question.q, AbortSignal.any([signal, stopped.signal]));
        tell(rows);
      } catch (error) {
        if (signal.aborted) return;
        const stoppedHere = error.name === "AbortError";
        result.replaceChildren(element("pre", { class: `refused${stoppedHere ? " quiet" : ""}`, role: "alert" }, stoppedHere ? "stopped" : error.message));
      } finally {
        stop.hidden = true;
        run.disabled = false;
      }
    }

    function tell({ columns, rows, cut, milliseconds }) {
      const view = element("div");
      const line = commandLines.sql(dumps.files, question.q);
      const many = cut ? `the first ${plural(rows.length, "row", "rows")}` : plural(rows.length, "row", "rows");
      result.replaceChildren(element("p", { class: "note", role: "status" }, `${many}, ${milliseconds} ms`), command(line), view);
      if (columns.length > 0) fill(view, columns, rows);
    }

    function fill(view, columns, rows) {
      const ofDump = columns.findIndex((column) => column.name === "dump");
      const cell = (column, number) => (row) => {
        const value = row[number];
        if (value === null) return element("span", { class: "faint" }, "NULL");
        if (column.is_address) return objectLink(ofDump < 0 ? dumps.all.length : row[ofDump])(value);
        return element("span", { class: "name" }, String(value));
      };
      const isNumber = (number) => rows.length > 0 && rows.every((row) => row[number] === null || typeof row[number] === "number");
      const told = columns.map((column, number) => ({
        name: column.name,
        number: isNumber(number),
        cell: cell(column, number),
        sort: isNumber(number) ? (row) => row[number] : (row) => String(row[number] ?? ""),
      }));
      table(view, { columns: told, rows, what: "rows" });
    }

    /** What can be asked; a name goes into the query where the cursor is. */
    function describe(schema, { tables, views, functions }) {
      const insert = (name) => element("button", { type: "button", onclick: () => type(name) }, name);
      const entry = (one) => {
        const parts = [...(one.arguments ?? []), ...one.columns];
        const usage = one.arguments ? `${one.name}(${one.arguments.map((argument) => argument.name).join(", ")})` : one.name;
        const columns = parts.map((column) => element("li", {}, insert(column.name), " ", element("span", { class: "faint" }, column.doc)));
        return element("details", {}, element("summary", {}, element("code", {}, usage)), element("p", {}, insert(usage), " ", one.doc), element("ul", {}, columns));
      };
      const part = (title, entries) => [element("h3", {}, title), entries.map(entry)];
      schema.append(...[part("Tables", tables), part("Views", views), part("Functions", functions)].flat(2));
    }

    function type(text) {
      input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
      input.focus();
    }
  }

  memdump.views.sql = sql;
})();
