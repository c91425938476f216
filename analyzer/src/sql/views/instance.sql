-- Objects with the names of their types: the table object as people ask for it.
--
-- dump: The dump.
-- id: The object's number in its dump.
-- type_name: Its type.
-- address: Where it lay.
-- address_hex: The same as text, 0x7f3a1c0042d0, for tools that print integers.
-- size: Shallow size.
-- retained: What would be freed with it, in bytes.
-- distance: References on its shortest chain.
-- held: What that chain begins at: root, native or garbage.
-- parent: The object before it on the chain.
-- dominator: The nearest object that alone keeps it alive.
-- dominated: How many objects it is the dominator of.
-- refcount: References that the runtime counted.
-- is_new: Whether the previous dump of the process has it not.
-- born: The earliest dump of the process that has it.
CREATE VIEW instance AS
SELECT o.dump, o.id, t.name AS type_name, o.address, printf('0x%x', o.address) AS address_hex, o.size, o.retained,
       o.distance, o.held, o.parent, o.dominator, o.dominated, o.refcount, o.is_new, o.born
FROM object AS o
JOIN type AS t ON t.dump = o.dump AND t.id = o.type;
