-- Values that more than one object of a type holds, where dumps tell values. Of shortened ones the hash behind `~` tells those apart whose beginnings are equal.
--
-- dump: The dump.
-- type_name: The type.
-- value: What they hold, as the dump tells it.
-- count: How many objects hold it.
-- size: Bytes of all of them.
-- wasted: Bytes of all of them but one.
-- address: Where one of them lay.
CREATE VIEW duplicates AS
SELECT v.dump, t.name AS type_name, v.value, count(*) AS count, sum(o.size) AS size,
       sum(o.size) - sum(o.size) / count(*) AS wasted, min(o.address) AS address
FROM value AS v
JOIN object AS o ON o.dump = v.dump AND o.id = v.object
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
GROUP BY v.dump, o.type, v.value
HAVING count(*) > 1;
