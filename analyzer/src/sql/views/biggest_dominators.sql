-- Containers: objects that alone keep more than one other alive, by what they retain, the greatest first.
--
-- dump: The dump.
-- id: The object's number in its dump.
-- type_name: Its type.
-- address: Where it lay.
-- dominated: How many objects it is the dominator of.
-- retained: What would be freed with it, in bytes.
-- average: Bytes that it retains for each of them.
CREATE VIEW biggest_dominators AS
SELECT o.dump, o.id, t.name AS type_name, o.address, o.dominated, o.retained,
       (o.retained - o.size) / o.dominated AS average
FROM object AS o
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
WHERE o.dominated > 1
ORDER BY o.retained DESC;
