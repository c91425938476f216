-- Containers that gained: objects that were there in the previous dump, and now are the dominator of more objects.
--
-- dump: The later dump.
-- id: The object's number in it.
-- type_name: Its type.
-- address: Where it lies, in both dumps.
-- before: How many objects it was the dominator of in the previous dump.
-- after: How many in this one.
-- gained: After minus before.
-- retained: What would be freed with it now, in bytes.
-- retained_growth: How much more that is than in the previous dump.
CREATE VIEW accumulators AS
SELECT o.dump, o.id, t.name AS type_name, o.address, p.dominated AS before, o.dominated AS after,
       o.dominated - p.dominated AS gained, o.retained, o.retained - p.retained AS retained_growth
FROM object AS o
JOIN dump AS d ON d.id = o.dump
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
JOIN object AS p ON p.dump = d.previous AND p.address = o.address
WHERE o.dominated > 0 AND o.is_new = 0 AND o.dominated > p.dominated;
