-- Types by shallow bytes, the greatest first.
--
-- dump: The dump.
-- type_name: The type.
-- count: Objects.
-- bytes: Their shallow bytes.
-- average: Shallow bytes of one of them.
-- retained: What would be freed if all of them were, in bytes.
CREATE VIEW top_types AS
SELECT dump, name AS type_name, count, bytes, bytes / count AS average, retained
FROM type
WHERE count > 0
ORDER BY bytes DESC;
