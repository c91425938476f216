-- Objects by what would be freed with each, the greatest first.
--
-- dump: The dump.
-- id: The object's number in its dump.
-- type_name: Its type.
-- address: Where it lay.
-- size: Shallow size.
-- retained: What would be freed with it, in bytes.
-- share: The part of the heap that this is, in percent.
-- held: What its chain begins at: root, native or garbage.
CREATE VIEW top_retained AS
SELECT o.dump, o.id, t.name AS type_name, o.address, o.size, o.retained,
       round(100.0 * o.retained / d.object_bytes, 1) AS share, o.held
FROM object AS o
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
JOIN dump AS d ON d.id = o.dump
ORDER BY o.retained DESC;
