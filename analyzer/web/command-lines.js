// The command that tells the same as a view, to be copied.
globalThis.memdump ??= {};
(() => {
  "use strict";

  /** A word as a shell takes it. */
  function quoted(word) {
    return /^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  }

  /** A file's name that is not taken for an option. */
  const file = (path) => quoted(path.startsWith("-") ? `./${path}` : path);

  /** An option and its value; nothing if there is none. */
  function option(name, value) {
    if (value === undefined || value === null || value === "") return [];
    return value.startsWith("-") ? [quoted(`${name}=${value}`)] : [name, quoted(value)];
  }

  const line = (...words) => ["memdump", ...words.flat()].join(" ");

  memdump.commandLines = {
    info: (files) => line("info", files.map(file)),
    diff: (files, sort) => line("diff", files.map(file), sort && sort !== "count" ? ["--sort", sort] : []),
    top: (path, sort) => line("top", file(path), "--sort", sort),
    objects: (path, type) => line("top", file(path), "--objects", option("--type", type)),
    instances: (files, type) => line("new", files.map(file), option("--type", type)),
    show: (path, address) => line("show", file(path), address),
    chain: (files, type, { from, avoid, maxDepth }) =>
      line(
        "chain",
        files.map(file),
        option("--type", type),
        from && from !== "any" ? ["--from", from] : [],
        (avoid ?? "").split(",").flatMap((pattern) => option("--avoid", pattern.trim())),
        option("--max-depth", maxDepth),
      ),
    suspects: (files) => line("suspects", files.map(file)),
    sql: (files, sql) => line("sql", files.map(file), quoted(sql.trim())),
  };
})();
