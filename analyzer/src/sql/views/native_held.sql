-- Objects that native code holds and no root explains: the runtime counts more references than the dump shows.
--
-- dump: The dump.
-- id: The object's number in its dump.
-- type_name: Its type.
-- address: Where it lay.
-- size: Shallow size.
-- retained: What would be freed with it, in bytes.
-- refcount: References that the runtime counted.
-- indegree: References and roots that the dump shows.
CREATE VIEW native_held AS
SELECT o.dump, o.id, t.name AS type_name, o.address, o.size, o.retained, o.refcount, o.indegree
FROM object AS o
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
WHERE o.held = 'native' AND o.distance = 0;
