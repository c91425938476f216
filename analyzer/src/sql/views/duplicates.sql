-- Values that more than one object of a type holds, where dumps tell values. Shortened ones are equal if their beginnings and sizes are.
--
-- dump: The dump.
-- type_name: The type.
-- value: What they hold, as the dump tells it.
-- count: How many objects hold it.
-- size: Bytes of one of them.
-- wasted: Bytes of all of them but one.
CREATE VIEW duplicates AS
SELECT v.dump, t.name AS type_name, v.value, count(*) AS count, o.size, (count(*) - 1) * o.size AS wasted
FROM value AS v
JOIN object AS o ON o.dump = v.dump AND o.id = v.object
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
GROUP BY v.dump, o.type, o.size, v.value
HAVING count(*) > 1;
