// Retained memory as a map that can be zoomed: areas are bytes, what lies in an area is kept alive only through it. Laid out by d3-hierarchy.
globalThis.memdump ??= {};
(() => {
  "use strict";
  const { element, plain } = memdump;
  const { bytes, count, share } = memdump.numbers;
  const HEIGHT = 460;
  const HEADER = 20;
  /** In narrower and lower areas a name is but a letter or two. */
  const LEGIBLE = { width: 40, height: 16 };
  /** So many levels are seen at once. */
  const DEPTH = 3;

  /** Fills `container` from the JSON of a map of retained memory. link(address): how an object is told. */
  function treeMap(container, map, { link = plain } = {}) {
    const way = [map.root];
    const crumbs = element("nav", { class: "crumbs", "aria-label": "Where the map stands" });
    const place = element("div", { class: "map" });
    const note = element("p", { class: "note", role: "status" });
    container.replaceChildren(crumbs, place, note);
    new ResizeObserver(draw).observe(place);
    draw();

    function zoom(to) {
      way.splice(0, way.length, ...to);
      draw();
      crumbs.lastElementChild.focus();
    }

    function draw() {
      const here = way[way.length - 1];
      crumbs.replaceChildren(
        ...way.map((node, depth) =>
          element(
            "button",
            {
              type: "button",
              "aria-current": depth === way.length - 1 ? "true" : null,
              onclick: () => zoom(way.slice(0, depth + 1)),
            },
            element("span", { class: "name" }, named(node)),
          ),
        ),
      );
      const tree = d3.hierarchy(part(here, 0)).sum((part) => (part.children ? 0 : part.value));
      const width = place.clientWidth || 800;
      d3
        .treemap()
        .size([width, HEIGHT])
        .paddingTop((area) => (area.depth > 0 && area.children ? HEADER : 1))
        .paddingInner(1)
        .round(true)(tree.sort((a, b) => b.value - a.value));
      place.style.setProperty("height", `${HEIGHT}px`);
      const areas = tree.descendants().filter((area) => area.depth > 0 && area.x1 > area.x0 && area.y1 > area.y0);
      place.replaceChildren(...areas.map((area) => cell(area, width)));
      tell(here);
    }

    function cell(area, width) {
      const { node, label } = area.data;
      const inner = node?.children.length > 0;
      const isLegible = area.x1 - area.x0 >= LEGIBLE.width && area.y1 - area.y0 >= LEGIBLE.height;
      const button = element(
        "button",
        {
          type: "button",
          class: `area ${area.children ? "whole" : "part"}`,
          title: described(area.data),
          disabled: !inner,
          onclick: () => zoom([...way, ...area.ancestors().reverse().slice(1).map((above) => above.data.node)]),
          onmouseenter: () => node && tell(node),
          onfocus: () => node && tell(node),
        },
        isLegible ? element("span", { class: "name" }, label, " ", element("span", { class: "faint" }, bytes(area.data.value))) : null,
      );
      const { style } = button;
      // As shares of the width, because paper is narrower than the window, and nothing is drawn again for it.
      style.setProperty("left", `${(100 * area.x0) / width}%`);
      style.setProperty("top", `${area.y0}px`);
      style.setProperty("width", `${(100 * (area.x1 - area.x0)) / width}%`);
      style.setProperty("height", `${area.y1 - area.y0}px`);
      style.setProperty("--hue", String(hue(node?.type ?? "")));
      return button;
    }

    function tell(node) {
      const whole = map.root.retained;
      const parts = [
        element("strong", { class: "name" }, named(node)),
        ` keeps ${bytes(node.retained)} alive, ${share(node.retained, whole)} of all`,
      ];
      if (node.address) parts.push(" ", link(node.address));
      note.replaceChildren(...parts);
    }

    /** What is drawn of a node: its children, what is left of it, and its own bytes, to some levels. */
    function part(node, depth) {
      const drawn = { node, label: named(node), value: node.retained };
      if (node.children.length === 0 || depth === DEPTH) return drawn;
      const children = node.children.map((child) => part(child, depth + 1));
      if (node.rest) children.push({ label: `${count(node.rest.objects)} more`, value: node.rest.retained });
      const own = children.reduce((left, inner) => left - inner.value, node.retained);
      if (own > 0 && node.type) children.push({ label: node.objects === 1 ? "itself" : "themselves", value: own });
      return { ...drawn, children };
    }
  }

  /** `dict`, `module app.views`, `412 × str`. */
  function named(node) {
    if (!node.type) return "everything";
    const name = node.name ? `${node.type} ${node.name}` : node.type;
    return node.objects === 1 ? name : `${count(node.objects)} × ${name}`;
  }

  const described = (part) => `${part.label}\nkeeps ${bytes(part.value)} alive`;

  /** The same colour for the same type, in every report. */
  function hue(text) {
    let hash = 7;
    for (const c of text) hash = (hash * 31 + c.codePointAt(0)) % 360_007;
    return hash % 360;
  }

  memdump.treeMap = treeMap;
})();
