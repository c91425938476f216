-- What holds the new objects directly: by what references of which types, counted.
--
-- dump: The dump.
-- type_name: The type of the new objects.
-- holder_type: The type of the object before them on their chains; NULL if they are held from outside of the heap.
-- label: What the references are called, positions as [*].
-- holders: How many objects hold them.
-- count: New objects.
-- bytes: Their shallow bytes.
CREATE VIEW holders AS
SELECT g.dump, t.name AS type_name, h.name AS holder_type, g.label, count(DISTINCT g.parent) AS holders,
       count(*) AS count, sum(g.size) AS bytes
FROM (SELECT o.dump, o.type, o.parent, o.size,
             (SELECT CASE WHEN r.label GLOB '[[][0-9]*]' THEN '[*]' ELSE r.label END
              FROM reference AS r
              WHERE r.dump = o.dump AND r.source = o.parent AND r.target = o.id AND r.is_weak = 0
              ORDER BY r.label = '', r.position LIMIT 1) AS label
      FROM object AS o
      WHERE o.is_new = 1) AS g
JOIN type AS t ON t.dump = g.dump AND t.id = g.type
LEFT JOIN object AS p ON p.dump = g.dump AND p.id = g.parent
LEFT JOIN type AS h ON h.dump = p.dump AND h.id = p.type
GROUP BY g.dump, g.type, h.name, g.label;
