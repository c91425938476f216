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
SELECT r.dump, r.source, st.name AS source_type, r.label, r.is_weak, r.target, tt.name AS target_type
FROM reference AS r
JOIN object AS s ON s.dump = r.dump AND s.id = r.source
JOIN type AS st ON st.dump = s.dump AND st.id = s.type
LEFT JOIN object AS t ON t.dump = r.dump AND t.id = r.target
LEFT JOIN type AS tt ON tt.dump = t.dump AND tt.id = t.type;
