-- What keeps the new objects alive: their shortest chains from a root, grouped where they read the same. No more than 50 steps are told of a chain.
--
-- dump: The dump.
-- type_name: The type of the new objects.
-- chain: The chain: what holds the first object, then how each object refers to the next; positions at its end as [*].
-- count: New objects at its end.
-- bytes: Their shallow bytes.
CREATE VIEW chains AS
WITH RECURSIVE
labelled(dump, type, parent, id, size, label) AS (
  SELECT o.dump, o.type, o.parent, o.id, o.size,
         (SELECT CASE WHEN r.label GLOB '[[][0-9]*]' THEN '[*]' ELSE r.label END
          FROM reference AS r
          WHERE r.dump = o.dump AND r.source = o.parent AND r.target = o.id AND r.is_weak = 0
          ORDER BY r.label = '', r.position LIMIT 1)
  FROM object AS o
  WHERE o.is_new = 1
),
grouped(dump, type, top, path, steps, count, bytes) AS (
  SELECT dump, type, coalesce(parent, id), coalesce(label, ''), 0, count(*), sum(size)
  FROM labelled
  GROUP BY dump, type, coalesce(parent, id), label
),
-- A reference is told of each object on the way, from the end to the beginning.
walked(dump, type, top, path, steps, count, bytes) AS (
  SELECT * FROM grouped
  UNION ALL
  SELECT w.dump, w.type, o.parent,
         coalesce((SELECT r.label FROM reference AS r
                   WHERE r.dump = w.dump AND r.source = o.parent AND r.target = w.top AND r.is_weak = 0
                   ORDER BY r.label = '', r.position LIMIT 1), '') || w.path,
         w.steps + 1, w.count, w.bytes
  FROM walked AS w
  JOIN object AS o ON o.dump = w.dump AND o.id = w.top
  WHERE o.parent IS NOT NULL AND w.steps < 50
)
SELECT dump, type_name, chain, sum(count) AS count, sum(bytes) AS bytes
FROM (SELECT w.dump, t.name AS type_name,
             CASE
               WHEN o.parent IS NOT NULL THEN '…'
               WHEN o.held = 'garbage' THEN 'nothing'
               ELSE coalesce((SELECT r.kind || coalesce(' ' || r.name, '') || iif(r.label = '', '', ' ' || r.label)
                              FROM root AS r
                              WHERE r.dump = w.dump AND r.object = w.top
                              ORDER BY instr('module frame thread interpreter static native', r.kind), r.id LIMIT 1),
                             'native code')
             END || w.path AS chain,
             w.count, w.bytes
      FROM walked AS w
      JOIN object AS o ON o.dump = w.dump AND o.id = w.top
      JOIN type AS t ON t.dump = w.dump AND t.id = w.type
      WHERE o.parent IS NULL OR w.steps = 50)
GROUP BY dump, type_name, chain;
