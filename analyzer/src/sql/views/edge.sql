-- References with the types of both ends: the table reference as people ask for it.
--
-- dump: The dump.
-- source: The object that refers.
-- source_type: Its type.
-- label: What the reference is called.
-- is_weak: Whether it is weak.
-- target: The object referred to; NULL if the reference is dangling.
-- target_type: Its type.
CREATE VIEW edge AS
SELECT r.dump, r.source, s.type_name AS source_type, r.label, r.is_weak, r.target, t.type_name AS target_type
FROM reference AS r
JOIN instance AS s ON s.dump = r.dump AND s.id = r.source
LEFT JOIN instance AS t ON t.dump = r.dump AND t.id = r.target;
