-- The new objects themselves: those that the previous dump of the process does not have.
--
-- dump: The dump that has it.
-- id: The object's number in its dump.
-- type_name: Its type.
-- address: Where it lies.
-- size: Shallow size.
-- retained: What would be freed with it, in bytes.
-- distance: References on its shortest chain.
-- held: What that chain begins at: root, native or garbage.
-- parent: The object before it on the chain.
CREATE VIEW new_objects AS
SELECT o.dump, o.id, t.name AS type_name, o.address, o.size, o.retained, o.distance, o.held, o.parent
FROM object AS o
JOIN type AS t ON t.dump = o.dump AND t.id = o.type
WHERE o.is_new = 1;
