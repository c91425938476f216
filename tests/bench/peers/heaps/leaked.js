// What memlab is to call a leak, of the objects that are in `target` and `final` but not in `baseline`.
"use strict";

module.exports = { leakFilter: (node) => node.name === "SomeRef" };
